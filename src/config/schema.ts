import { z } from 'zod';
import { AlertsSchema } from '../contract/limits-schema.ts';
import { NamedModelSchema } from './named-model-schema.ts';
import { ResponsesSchema } from './responses-schema.ts';
import { RouteSchema } from './route-schema.ts';
import { duration, name } from './schema-values.ts';
import { TeamSchema } from './team-schema.ts';
import { TestSchema } from './test-schema.ts';
import { TierSchema } from './tier-schema.ts';
import { UpstreamSchema } from './upstream-schema.ts';

const LedgerSchema = z.strictObject({
  retention: duration
    .refine((ms) => ms >= 3_600_000, 'entries are kept for at least 1h')
    .prefault('90d')
    .meta({ description: 'How long entries are kept. Their sums by hour and day stay.' }),
});

/**
 * The whole of routes.yaml, the authority for the published JSON Schema and for `docs/configuration.md`; its parts are in
 * the files beside. Strict: an unknown key is an error. Durations are written `500ms`, `30s`, `10m`, `1h`, `7d` and parsed
 * to milliseconds.
 */
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

export type RoutesFile = z.infer<typeof RoutesFileSchema>;
