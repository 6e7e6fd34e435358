import { z } from 'zod';
import { PriceSchema } from '../config/price-schema.ts';
import { UPSTREAM_KINDS } from '../contract/vocabulary.ts';
import { toPriceRow } from './price.ts';

/** A price that `toPriceRow` can hold exactly. */
const ExactPriceSchema = PriceSchema.refine((price) => {
  try {
    return toPriceRow(price) !== null;
  } catch {
    return false;
  }
}, 'a price has at most 6 decimals');

/**
 * A dated list of prices, by kind of upstream and name of the model there. `withheld`: names whose price is not the one
 * that their name without its date has, on which the sources disagree.
 */
export const PriceListSchema = z.strictObject({
  version: z.string().regex(/^[\w.:-]{1,64}$/),
  sources: z.array(z.strictObject({ name: z.string(), version: z.string() })).min(1),
  prices: z.partialRecord(z.enum(UPSTREAM_KINDS), z.record(z.string().min(1), ExactPriceSchema)),
  withheld: z.partialRecord(z.enum(UPSTREAM_KINDS), z.array(z.string())).default({}),
});
export type PriceList = z.infer<typeof PriceListSchema>;
