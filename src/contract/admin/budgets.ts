/**
 * `GET /admin/api/budgets`: how far limits and budgets are used. Money is integer nano-USD, moments are ISO 8601.
 * Viewers of one team see what is theirs.
 */
export type BudgetList = { rows: BudgetUse[]; limits: LimitUse[] };

/** `name` is the team's name, the key's id or the route's name. */
export type LimitedSubject = { kind: 'team' | 'key' | 'route'; name: string };

export type BudgetUse = {
  subject: LimitedSubject;
  per: 'day' | 'week' | 'month' | 'total';
  timeZone: string;
  limitNanoUsd: number;
  spentNanoUsd: number;
  /** Set aside for requests under way. */
  reservedNanoUsd: number;
  /** `reject`, or the tier that answers once the budget is gone. */
  onExceeded: string;
  periodStart: string | null;
  /** When it begins anew; null for `total`. */
  periodEnd: string | null;
  /** What will have been spent at the end of the period if it goes on like this; null for `total`. */
  forecastNanoUsd: number | null;
  /** When the budget will be gone if it goes on like this; null when it will not within the period. */
  exhaustedAt: string | null;
};

export type LimitUse = {
  subject: LimitedSubject;
  /** In the last minute. Null where there is no such limit. */
  requestsPerMinute: { limit: number; used: number } | null;
  tokensPerMinute: { limit: number; used: number } | null;
  concurrent: { limit: number; used: number } | null;
};
