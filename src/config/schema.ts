import { z } from 'zod';
import { AlertsSchema, BudgetSchema, LimitsSchema } from '../contract/limits-schema.ts';
import { APIS, UPSTREAM_KINDS } from '../contract/vocabulary.ts';

/**
 * The shape of routes.yaml, the authority for the published JSON Schema and for `docs/configuration.md`.
 * Strict: an unknown key is an error. Durations are written `500ms`, `30s`, `10m`, `1h`, `7d` and parsed to milliseconds.
 * `patternErrorMessage` says in words what a pattern asks for: error messages and editors show it.
 */
const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/)
  .meta({ patternErrorMessage: 'a name of at most 63 letters, digits, dots, dashes and underscores' });

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const duration = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,3})?(ms|s|m|h|d)$/)
  .meta({ patternErrorMessage: 'a duration such as 500ms, 30s, 10m, 1h or 7d' })
  .transform((text) => {
    const unit = text.replace(/[\d.]/g, '');
    return Number.parseFloat(text) * (UNIT_MS[unit] ?? 1);
  });

/** Node fires timers of more than 2^31 ms (24.8 days) at once. */
const timeout = duration.refine((ms) => ms >= 1 && ms <= 24 * 86_400_000, 'a timeout is between 1ms and 24d');

const share = z.number().min(0).max(1);
const oneOrMore = <Item extends z.ZodType>(item: Item) => z.union([item, z.array(item).min(1)]);

export const TimeoutsSchema = z.strictObject({
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

export const UpstreamSchema = z.discriminatedUnion('kind', [LlamaUpstreamSchema, HttpUpstreamSchema]);

const usdPerMillion = z.number().min(0).max(1_000_000);
const rates = {
  input: usdPerMillion.meta({ description: 'USD per million input tokens.' }),
  cachedInput: usdPerMillion
    .optional()
    .meta({ description: 'USD per million cached input tokens; default: as input.' }),
  cacheWrite: usdPerMillion.optional().meta({
    description: 'USD per million input tokens that the provider puts into its cache; default: as input.',
  }),
  audioInput: usdPerMillion.optional().meta({ description: 'USD per million audio input tokens; default: as input.' }),
  output: usdPerMillion.meta({ description: 'USD per million output tokens, reasoning included.' }),
  audioOutput: usdPerMillion
    .optional()
    .meta({ description: 'USD per million audio output tokens; default: as output.' }),
};
export const PriceSchema = z.strictObject({
  ...rates,
  above: z
    .array(
      z.strictObject({
        promptTokens: z.int().min(1).meta({ description: 'These rates hold for prompts of more tokens than this.' }),
        ...rates,
      }),
    )
    .min(1)
    .max(8)
    .optional()
    .meta({ description: 'Other rates for the whole request where its prompt is long.' }),
  serviceTiers: z
    .record(name, z.strictObject(rates))
    .optional()
    .meta({ description: 'Rates by the `service_tier` that the answer names, such as flex or priority.' }),
});

export const TierModelSchema = z.strictObject({
  upstream: name.meta({ description: 'Name of an upstream of this file.' }),
  model: z.string().min(1).optional().meta({
    description: 'Model name at that upstream. A `llama` upstream has one model, and needs none here.',
  }),
  weight: z.number().min(0).default(1).meta({
    description: 'Share of the traffic of this tier; 0 keeps the model for failures of the others.',
  }),
  price: PriceSchema.optional().meta({ description: 'What it costs. Without it the cost of a paid model is unknown.' }),
  contextTokens: z.int().min(1).optional().meta({ description: 'Context window, in tokens.' }),
  confidence: z.string().min(1).optional().meta({
    description:
      'Calibration of this model for `escalate`, written by `rightsize calibrate --confidence`: a path, or `builtin:nano`, that of the model in the box.',
  }),
  capabilities: z
    .array(z.enum(['tools', 'images', 'audio', 'json']))
    .optional()
    .meta({ description: 'What it can do beside text. Default: by the kind of its upstream.' }),
});

export const NamedModelSchema = z.strictObject({
  name: z.string().min(1).optional().meta({
    description:
      'What clients send as `model`; default: the name at the upstream. Entries of one name stand in for each other, in their order.',
  }),
  upstream: name.meta({ description: 'Name of an upstream of this file.' }),
  model: z.string().min(1).optional().meta({
    description: 'Model name at that upstream. A `llama` upstream has one model, and needs none here.',
  }),
  price: PriceSchema.extend({
    output: usdPerMillion.default(0).meta({ description: 'USD per million output tokens; embeddings have none.' }),
  })
    .optional()
    .meta({ description: 'What it costs by tokens. Without it the cost of a paid model is unknown.' }),
  contextTokens: z.int().min(1).optional().meta({ description: 'Longest input, in tokens.' }),
  cache: z
    .strictObject({ ttl: duration.meta({ description: 'How long an embedding may be served again.' }) })
    .optional()
    .meta({ description: 'Keep the embedding of each input, and ask only for those that are not kept.' }),
});

export const TierSchema = z.strictObject({
  name: name.meta({ description: 'How routes, clients and headers call this tier.' }),
  balance: z.enum(['weighted', 'least-latency']).default('weighted').meta({
    description: 'How its models share the traffic: by weight, or the one whose first content comes soonest.',
  }),
  models: z.array(TierModelSchema).min(1).meta({
    description: 'Models that share the traffic of this tier by weight and stand in for each other.',
  }),
});

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/)
  .meta({ patternErrorMessage: 'a time of day from 00:00 to 23:59' });

/** Names of the IANA time zone database that this Node knows. */
const timeZone = z.string().refine(isTimeZone, 'no such time zone; write one like Europe/Berlin, or UTC');

const MatchTimeSchema = z.strictObject({
  from: timeOfDay.default('00:00').meta({ description: 'Begins at this time of day, such as `22:00`.' }),
  to: timeOfDay.default('00:00').meta({
    description: 'Ends before this time of day; at or before `from` it is on the next day.',
  }),
  days: z
    .array(z.enum(DAYS))
    .min(1)
    .optional()
    .meta({ description: 'Days of the week on which it begins; default every day.' }),
  timeZone: timeZone.default('UTC').meta({ description: 'Whose clock, such as `Europe/Berlin`.' }),
});

const MatchSchema = z.strictObject({
  model: oneOrMore(z.string().min(1)).optional().meta({ description: 'Model names as clients send them.' }),
  team: oneOrMore(name).optional().meta({ description: 'Teams the rule is for.' }),
  has: z
    .array(z.enum(['tools', 'images', 'audio', 'json', 'system']))
    .min(1)
    .optional()
    .meta({ description: 'Facts that must all hold for the request.' }),
  minTokens: z.int().min(0).optional().meta({ description: 'Least number of prompt tokens (estimated).' }),
  maxTokens: z.int().min(0).optional().meta({ description: 'Greatest number of prompt tokens (estimated).' }),
  language: oneOrMore(
    z
      .string()
      .regex(/^[a-z]{2}$/)
      .meta({ patternErrorMessage: 'a language as two letters, such as `en` or `de` (ISO 639-1)' }),
  )
    .optional()
    .meta({
      description:
        'Languages of the last user message, such as `[de, fr]`. A message too short or too mixed to tell matches none.',
    }),
  time: MatchTimeSchema.optional().meta({ description: 'Hours and days at which the rule holds.' }),
});

const DifficultySchema = z.union([
  z.strictObject({
    threshold: share.meta({ description: 'Requests at or above this difficulty go to the strongest tier.' }),
  }),
  z.strictObject({
    largeShare: share.meta({
      description: 'Share of requests to send to the strongest tier; the threshold keeps itself at that share.',
    }),
  }),
  z.strictObject({
    maxCostPerDay: z
      .number()
      .positive()
      .meta({
        description:
          'USD that a day (UTC) of the route may cost: as many requests go to the strongest tier, the hardest first, as the ' +
          'money lasts until midnight. Each gateway counts its own.',
      }),
  }),
  z.strictObject({
    quality: share.meta({
      description:
        "Part of the gap between the tiers' quality to recover, on the labels that the difficulty model was trained or " +
        'calibrated with: `0.95` sends no more to the strongest tier than that takes.',
    }),
  }),
]);

const percentage = z
  .string()
  .regex(/^(100|\d{1,2})(\.\d{1,2})?%$/)
  .meta({ patternErrorMessage: 'a percentage such as 25%' })
  .transform((text) => Math.min(1, Number.parseFloat(text) / 100));

/** Thirty days. */
const RECORDED_MS = 30 * 86_400_000;

/** What a route says of stored responses goes before what the file says. */
const keptResponses = {
  store: z.boolean().meta({
    description: 'Keep responses, unless their client says `store: false`. Without it no `previous_response_id` works.',
  }),
  ttl: duration.meta({ description: 'How long a response is kept after it was made, or last gone on from.' }),
};
const ResponsesSchema = z.strictObject({
  keepIn: z.enum(['file', 'redis']).default('file').meta({
    description:
      'Where: `file`, in the data directory of each gateway, or `redis`, for all gateways that share `REDIS_URL`. Read at the start.',
  }),
  store: keptResponses.store.default(true),
  ttl: keptResponses.ttl.prefault('30d'),
});

export const RouteSchema = z.strictObject({
  name: name.meta({ description: 'How clients, headers and the ledger call this rule.' }),
  match: MatchSchema.prefault({}).meta({ description: 'All conditions must hold; none means every request.' }),
  tier: name.optional().meta({ description: 'Always use this tier.' }),
  difficulty: DifficultySchema.optional().meta({ description: 'Choose the tier by difficulty.' }),
  fallback: z
    .enum(['up', 'any', 'none'])
    .default('up')
    .meta({ description: 'Tiers to try when every model of the chosen one fails: stronger ones, any, or none.' }),
  escalate: z
    .strictObject({
      minConfidence: share.default(0.7).meta({
        description: 'Least confidence at which an answer is kept; below it a stronger tier is asked.',
      }),
      tokens: z.int().min(1).max(256).default(24).meta({ description: 'Tokens to hold back and judge by, at most.' }),
      maxHold: timeout.prefault('1500ms').meta({ description: 'Longest time to hold an answer back.' }),
      check: z.boolean().default(true).meta({
        description:
          'Judge complete plain answers too: empty, in a loop, refusing, cut off, or not the JSON asked for.',
      }),
      hedge: z.boolean().default(false).meta({
        description: 'When the time to hold is over before the answer can be judged, ask the stronger tier beside it.',
      }),
    })
    .optional()
    .meta({
      description:
        'Hand an answer to a stronger tier when the model itself is not sure of it. Needs log-probabilities.',
    }),
  retries: z.int().min(0).max(5).default(2).meta({
    description: 'Times to try all models again after each of them failed, with growing pauses.',
  }),
  session: z
    .strictObject({
      ttl: duration.meta({
        description: 'How long a conversation keeps its tier after its last answer; 0s for not at all.',
      }),
    })
    .prefault({ ttl: '1h' })
    .meta({ description: 'Inside a conversation the tier only moves up.' }),
  cache: z
    .strictObject({
      ttl: duration.meta({ description: 'How long an answer may be served again.' }),
      staleWhileRevalidate: duration.prefault('0s').meta({
        description:
          'How long after that the old answer is still served, at once, while a new one is fetched in the background.',
      }),
      maxTemperature: z.number().min(0).max(2).default(1).meta({
        description:
          'Requests with a higher temperature are not cached, unless the client asks with `cache-control: max-age`. No temperature counts as 1.',
      }),
      maxEntryBytes: z
        .int()
        .min(1024)
        .max(64 * 1024 * 1024)
        .default(1024 * 1024)
        .meta({ description: 'Longer answers are not kept, in bytes of JSON.' }),
      semantic: z
        .strictObject({
          embeddings: z.string().min(1).meta({
            description: 'What compares questions: the name of an embedding model in `models`.',
          }),
          minSimilarity: share.default(0.85).meta({
            description: 'Least similarity of two questions whose numbers, names, negations and other words agree.',
          }),
          verify: z.boolean().default(false).meta({
            description:
              'Below `sureSimilarity`, or where words differ, ask the weakest tier whether both questions have the same answer: one token with log-probabilities.',
          }),
          sureSimilarity: share.default(0.97).meta({ description: 'From here on the verifier is not asked.' }),
          maxErrorRate: z.number().gt(0).lt(0.5).default(0.01).meta({
            description: 'Most wrong answers among those found by meaning, by what checks and feedback have shown.',
          }),
          checkShare: share.default(0.02).meta({
            description: 'Part of what would be served that the model answers all the same, to compare the answers.',
          }),
        })
        .optional()
        .meta({
          description:
            'Serve answers to questions that mean the same, where everything else of the request is identical (docs/cache.md).',
        }),
    })
    .optional()
    .meta({ description: 'Serve identical requests from the cache.' }),
  limits: LimitsSchema.optional().meta({ description: 'Most that all requests of the route may add up to.' }),
  budget: BudgetSchema.optional().meta({ description: 'Money allowed in a period for all requests of the route.' }),
  responses: z
    .strictObject({ store: keptResponses.store.optional(), ttl: keptResponses.ttl.optional() })
    .optional()
    .meta({ description: 'What is kept of answers to `/v1/responses`, where it differs from the rest of the file.' }),
  record: z
    .union([
      z.literal('prompts'),
      z.strictObject({ prompts: duration.meta({ description: 'How long they are kept.' }) }),
    ])
    .transform((record) => (record === 'prompts' ? RECORDED_MS : record.prompts))
    .optional()
    .meta({
      description:
        'Keep requests and their answers for `rightsize export`, for training and evaluation: `prompts` for 30 days, or ' +
        '`{ prompts: 90d }`. Without it no text is kept.',
    }),
  mode: z.enum(['enforce', 'observe']).default('enforce').meta({
    description:
      'observe: send the request to the model the client asked for, and record what the rule would have done.',
  }),
  rollout: percentage.optional().meta({
    description:
      'Part of the conversations for which `mode: enforce` holds, such as `25%`; the others are observed. A conversation ' +
      'stays on its side.',
  }),
});

export const TeamSchema = z.strictObject({
  budget: BudgetSchema.optional().meta({ description: 'Money allowed in a period.' }),
  limits: LimitsSchema.prefault({}).meta({ description: 'Most that all requests of the team may add up to.' }),
  routes: z.array(name).min(1).optional().meta({ description: 'Routes this team may use; default all.' }),
});

export const TestSchema = z.strictObject({
  prompt: z.string().min(1).meta({ description: 'The user message.' }),
  model: z.string().min(1).default('auto').meta({ description: 'Model name the client would send.' }),
  team: name.optional().meta({ description: 'Team the client would belong to; default `default`.' }),
  at: z.iso.datetime({ offset: true }).optional().meta({
    description: 'The moment it would arrive, such as `2026-03-02T22:30:00+01:00`; default now.',
    patternErrorMessage: 'a moment such as 2026-03-02T22:30:00+01:00',
  }),
  expect: z
    .strictObject({
      tier: name.optional().meta({ description: 'Tier that must be chosen.' }),
      route: name.optional().meta({ description: 'Route that must match.' }),
    })
    .meta({ description: 'What must come out; at least one of the two.' }),
});

export const LedgerSchema = z.strictObject({
  retention: duration
    .refine((ms) => ms >= 3_600_000, 'entries are kept for at least 1h')
    .prefault('90d')
    .meta({ description: 'How long entries are kept. Their sums by hour and day stay.' }),
});

export const RoutesFileSchema = z.strictObject({
  version: z.literal(1).meta({ description: 'Version of this file format.' }),
  upstreams: z.record(name, UpstreamSchema).meta({ description: 'Places that answer requests.' }),
  tiers: z.array(TierSchema).min(1).meta({ description: 'Ranks of models, weakest and cheapest first.' }),
  models: z.array(NamedModelSchema).default([]).meta({
    description:
      'Models outside the tiers that requests ask for by name: embeddings, reranking, text completion, images, audio.',
  }),
  routes: z.array(RouteSchema).min(1).meta({ description: 'Rules; the first that matches decides.' }),
  difficulty: z
    .strictObject({
      model: z.string().min(1).meta({
        description: 'The model that scores difficulty, written by `rightsize calibrate` or `train`; a path.',
      }),
    })
    .optional()
    .meta({ description: 'How difficulty is judged. Default: the model that is shipped.' }),
  teams: z.record(name, TeamSchema).default({}).meta({
    description: 'Limits and permissions by team. Requests without a key belong to team `default`.',
  }),
  passThrough: z
    .strictObject({
      upstream: z.string().min(1).optional().meta({
        description:
          'Where requests at other endpoints go, such as images, audio and files: an upstream of this file, or `none`. Default: the first of kind `openai`.',
      }),
      teams: z.array(name).default(['default']).meta({
        description:
          "Teams that may use what is kept in the account of that upstream's key, such as files and batches: all of them see the same.",
      }),
    })
    .prefault({})
    .meta({ description: 'Endpoints that are sent on as they are (docs/endpoints.md).' }),
  responses: ResponsesSchema.prefault({}).meta({
    description: 'What the gateway keeps for `/v1/responses`: prompts and answers, by team (docs/responses.md).',
  }),
  cors: z
    .strictObject({
      origins: z
        .array(
          z
            .string()
            .regex(/^(\*|[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/\s]+)$/)
            .meta({ patternErrorMessage: 'an origin such as `https://app.example.com`, without a path' }),
        )
        .meta({
          description:
            'Origins, such as `https://app.example.com`, `https://*.example.com`, `app://*`, or `*` for every page there is.',
        }),
    })
    .prefault({ origins: ['http://localhost:*', 'http://127.0.0.1:*'] })
    .meta({
      description:
        'Web pages that may use the gateway from a browser. Default: those of this machine (docs/endpoints.md).',
    }),
  alerts: AlertsSchema.optional().meta({
    description: 'Tells a webhook when 50, 80 and 100 % of a budget are spent, once each in a period.',
  }),
  ledger: LedgerSchema.prefault({}).meta({ description: 'What is kept of requests.' }),
  tests: z
    .array(TestSchema)
    .default([])
    .meta({ description: 'Prompts and where they must go, run by `rightsize check`.' }),
});

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

export type RoutesFile = z.infer<typeof RoutesFileSchema>;
export type UpstreamConfig = z.infer<typeof UpstreamSchema>;
export type LlamaUpstreamConfig = z.infer<typeof LlamaUpstreamSchema>;
export type HttpUpstreamConfig = z.infer<typeof HttpUpstreamSchema>;
export type TierConfig = z.infer<typeof TierSchema>;
export type NamedModelConfig = z.infer<typeof NamedModelSchema>;
export type TierModelConfig = z.infer<typeof TierModelSchema>;
export type RouteConfig = z.infer<typeof RouteSchema>;
export type MatchTime = z.infer<typeof MatchTimeSchema>;
export type ResponsesConfig = z.infer<typeof ResponsesSchema>;
export type TeamConfig = z.infer<typeof TeamSchema>;
export type Timeouts = z.infer<typeof TimeoutsSchema>;
export type Price = z.infer<typeof PriceSchema>;
