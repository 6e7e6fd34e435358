import type { Candidate } from './routing-table.ts';

/** What we chose for a request and why: a value, so that it can be printed, stored, sent in a header and tested. */
export type Decision = {
  /** Name of the route that decided; `direct` when the client named a model that no route matched. */
  route: string;
  /** The tier chosen; the tier of the first attempt may differ where the chosen one cannot answer. */
  tier: string;
  /** The difficulty at which the choice turns; null where difficulty did not decide. */
  threshold: number | null;
  /** Calls to make in this order until one succeeds. Never empty. */
  attempts: Candidate[];
  /** Short words, most important first, for `x-rightsize-reason`. */
  reasons: string[];
};
