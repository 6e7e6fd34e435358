import { z } from 'zod';
import { isTimeZone } from '../lib/time-zone.ts';

/** Rates and concurrency. The same shape for teams, routes, upstreams and virtual keys. */
export const LimitsSchema = z.strictObject({
  requestsPerMinute: z.int().min(1).optional().meta({ description: 'Requests admitted in any minute.' }),
  tokensPerMinute: z.int().min(1).optional().meta({ description: 'Tokens, prompt and answer, in any minute.' }),
  concurrentRequests: z.int().min(1).optional().meta({ description: 'Requests under way at the same time.' }),
});

/** Above it nano-USD would no longer be exact integers of a double. */
const MAX_BUDGET_USD = 9_000_000;

/** Money for one period. The same shape for teams, routes and virtual keys. */
export const BudgetSchema = z.strictObject({
  usd: z
    .number()
    .positive()
    .max(MAX_BUDGET_USD)
    .meta({ description: `Most to spend in one period, in USD; at most ${MAX_BUDGET_USD}.` }),
  per: z.enum(['day', 'week', 'month', 'total']).meta({
    description: 'The period: a calendar day, a week from Monday, a calendar month, or all time.',
  }),
  timeZone: z
    .string()
    .refine(isTimeZone, 'expected a time zone such as `UTC` or `Europe/Berlin`')
    .default('UTC')
    .meta({ description: 'Where the period begins at midnight: a name of the IANA time zone database.' }),
  onExceeded: z.string().min(1).default('reject').meta({
    description:
      'After that: `reject` requests, or the tier to answer with; only that tier, weaker ones and free models are then used.',
  }),
  unknownPrice: z.enum(['reject', 'allow']).default('reject').meta({
    description:
      'Paid models without a price cannot be counted: `reject` leaves them out while this budget applies; `allow` uses them uncounted.',
  }),
});

/** Where soft alerts of budgets go. */
export const AlertsSchema = z.strictObject({
  webhook: z.url({ protocol: /^https?$/ }).meta({
    description: 'Where alerts are sent by POST, signed as Standard Webhooks asks.',
    patternErrorMessage: 'a URL that starts with `http://` or `https://`',
  }),
  secret: z.string().min(1).meta({
    description: 'Key of the signature: `whsec_` with base64, or any text. Write a variable here, not the secret.',
  }),
});

export type LimitsConfig = z.infer<typeof LimitsSchema>;
export type BudgetConfig = z.infer<typeof BudgetSchema>;
export type AlertsConfig = z.infer<typeof AlertsSchema>;
