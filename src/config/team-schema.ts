import { z } from 'zod';
import { BudgetSchema, LimitsSchema } from '../contract/limits-schema.ts';
import { name } from './schema-values.ts';

/** What a team may use. */
export const TeamSchema = z.strictObject({
  budget: BudgetSchema.optional().meta({ description: 'Money allowed in a period.' }),
  limits: LimitsSchema.prefault({}).meta({ description: 'Most that all requests of the team may add up to.' }),
  routes: z.array(name).min(1).optional().meta({ description: 'Routes this team may use; default all.' }),
});

export type TeamConfig = z.infer<typeof TeamSchema>;
