import { z } from 'zod';
import { PriceSchema, usdPerMillion } from './price-schema.ts';
import { duration, name } from './schema-values.ts';

/** A model outside the tiers. */
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

export type NamedModelConfig = z.infer<typeof NamedModelSchema>;
