import { z } from 'zod';
import { BudgetSchema, LimitsSchema } from '../contract/limits-schema.ts';
import { CacheSchema } from './cache-schema.ts';
import { DifficultySchema } from './difficulty-schema.ts';
import { EscalateSchema } from './escalate-schema.ts';
import { MatchSchema } from './match-schema.ts';
import { RouteResponsesSchema } from './responses-schema.ts';
import { duration, name, percentage } from './schema-values.ts';

/** Thirty days. */
const RECORDED_MS = 30 * 86_400_000;

/** One rule: the requests it is for, and what is done with them. */
export const RouteSchema = z.strictObject({
  name: name.meta({ description: 'How clients, headers and the ledger call this rule.' }),
  match: MatchSchema.prefault({}).meta({ description: 'All conditions must hold; none means every request.' }),
  tier: name.optional().meta({ description: 'Always use this tier.' }),
  difficulty: DifficultySchema.optional().meta({ description: 'Choose the tier by difficulty.' }),
  fallback: z
    .enum(['up', 'any', 'none'])
    .default('up')
    .meta({ description: 'Tiers to try when every model of the chosen one fails: stronger ones, any, or none.' }),
  escalate: EscalateSchema.optional().meta({
    description: 'Hand an answer to a stronger tier when the model itself is not sure of it. Needs log-probabilities.',
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
  cache: CacheSchema.optional().meta({ description: 'Serve identical requests from the cache.' }),
  limits: LimitsSchema.optional().meta({ description: 'Most that all requests of the route may add up to.' }),
  budget: BudgetSchema.optional().meta({ description: 'Money allowed in a period for all requests of the route.' }),
  responses: RouteResponsesSchema.optional().meta({
    description: 'What is kept of answers to `/v1/responses`, where it differs from the rest of the file.',
  }),
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

export type RouteConfig = z.infer<typeof RouteSchema>;
