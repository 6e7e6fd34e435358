import { z } from 'zod';
import { name } from './schema-values.ts';

/** USD per million tokens. */
export const usdPerMillion = z.number().min(0).max(1_000_000);
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
/** What a model costs by tokens. */
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

export type Price = z.infer<typeof PriceSchema>;
