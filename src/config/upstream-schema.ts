import { z } from 'zod';
import { LimitsSchema } from '../contract/limits-schema.ts';
import { APIS, UPSTREAM_KINDS } from '../contract/vocabulary.ts';
import { timeout } from './schema-values.ts';

const TimeoutsSchema = z.strictObject({
  connect: timeout.prefault('5s').meta({ description: 'Longest wait for a connection to the upstream.' }),
  firstByte: timeout.prefault('60s').meta({ description: 'Longest wait for the first content of the answer.' }),
  idle: timeout.prefault('60s').meta({ description: 'Longest silence between two parts of an answer.' }),
  total: timeout.prefault('590s').meta({ description: 'Longest time for the whole answer.' }),
});

const HardwareCostSchema = z
  .strictObject({
    usdPerHour: z.number().min(0).optional().meta({ description: 'USD for an hour of work, energy not included.' }),
    watts: z.number().min(0).optional().meta({ description: 'Power while it works, in watts.' }),
    usdPerKwh: z.number().min(0).optional().meta({ description: 'USD for a kilowatt-hour.' }),
  })
  .meta({
    description: 'What the hardware behind it costs while it works: for full savings and energy in the ledger.',
  });

const upstreamBase = {
  cost: HardwareCostSchema.optional(),
  timeouts: TimeoutsSchema.prefault({}).meta({ description: 'Limits on waiting for this upstream.' }),
  limits: LimitsSchema.optional().meta({
    description: 'Most to ask of this upstream; while it is at a limit the next model is asked.',
  }),
};

const LlamaUpstreamSchema = z.strictObject({
  kind: z.literal('llama').meta({ description: 'The engine in the box, for one GGUF model.' }),
  model: z.string().min(1).meta({
    description:
      'A GGUF file: a path (relative to routes.yaml), `hf:owner/repo:quant`, or `builtin:nano`, the model in the box.',
  }),
  gpu: z
    .enum(['auto', 'cuda', 'vulkan', 'metal', 'off'])
    .default('auto')
    .meta({ description: 'The accelerator to use, where its engine package is installed.' }),
  contextTokens: z.int().min(256).default(8192).meta({ description: 'Context window of one request, in tokens.' }),
  parallel: z.int().min(1).max(64).default(4).meta({ description: 'Requests generated at the same time.' }),
  threads: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .meta({ description: 'CPU threads of the engine; by default one fewer than there are cores.' }),
  load: z.enum(['eager', 'on-demand']).default('eager').meta({
    description:
      'When the model goes into memory: at start, as far as memory for all models suffices, or with the first request.',
  }),
  keepAlive: z
    .union([z.literal('always'), timeout])
    .optional()
    .meta({
      description:
        'How long it stays in memory without a request, such as `10m`, or `always`. Default: `always`; `10m` with `load: on-demand`.',
    }),
  ...upstreamBase,
});

const HttpUpstreamSchema = z.strictObject({
  kind: z
    .enum(UPSTREAM_KINDS)
    .exclude(['llama'])
    .meta({ description: 'What answers there; it decides the default URL, quirks and capabilities.' }),
  url: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !/\/chat\/completions\/?$/.test(url), 'leave out the `/chat/completions` at the end')
    .optional()
    .meta({
      description:
        'Base URL that ends before `/chat/completions`, e.g. `https://host/v1`. Default: by kind, see the table of kinds.',
      patternErrorMessage: 'a URL that starts with `http://` or `https://`',
    }),
  apiKey: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        `Secret that the provider asks for. Write a variable, \`\${NAME}\`; while it is unset the upstream is left out. ` +
        'Default at the default URL: see the table of kinds.',
    }),
  apiKeyFile: z.string().min(1).optional().meta({
    description: 'A file that holds the key alone, read at load; a path relative to this file.',
  }),
  headers: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/)
        .meta({ patternErrorMessage: 'a header name' }),
      z
        .string()
        .regex(/^[ -~\u00a1-\u00ff]*$/)
        .meta({ patternErrorMessage: 'one line of printable characters (Latin-1)' }),
    )
    .optional()
    .meta({ description: 'Extra request headers, by name.' }),
  apis: z
    .array(z.enum(APIS))
    .min(1)
    .optional()
    .meta({
      description:
        'The APIs it speaks. Requests of one that it does not are translated to `chat`. Default: `chat`, and `responses` ' +
        'too for kinds `openai` and `azure` (there only where the URL ends in `/openai/v1`), `messages` for `anthropic`.',
    }),
  free: z.boolean().optional().meta({ description: 'Its answers cost nothing. Default: true for local runtimes.' }),
  connections: z.int().min(1).max(4096).default(256).meta({ description: 'Most connections open at one time.' }),
  ...upstreamBase,
});

/** One place that answers requests. */
export const UpstreamSchema = z.discriminatedUnion('kind', [LlamaUpstreamSchema, HttpUpstreamSchema]);

export type UpstreamConfig = z.infer<typeof UpstreamSchema>;
export type LlamaUpstreamConfig = z.infer<typeof LlamaUpstreamSchema>;
export type HttpUpstreamConfig = z.infer<typeof HttpUpstreamSchema>;
export type Timeouts = z.infer<typeof TimeoutsSchema>;
