import { z } from 'zod';
import { PriceSchema } from './price-schema.ts';
import { name } from './schema-values.ts';

const TierModelSchema = z.strictObject({
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

/** One rank of models. */
export const TierSchema = z.strictObject({
  name: name.meta({ description: 'How routes, clients and headers call this tier.' }),
  balance: z.enum(['weighted', 'least-latency']).default('weighted').meta({
    description: 'How its models share the traffic: by weight, or the one whose first content comes soonest.',
  }),
  models: z.array(TierModelSchema).min(1).meta({
    description: 'Models that share the traffic of this tier by weight and stand in for each other.',
  }),
});

export type TierConfig = z.infer<typeof TierSchema>;
export type TierModelConfig = z.infer<typeof TierModelSchema>;
