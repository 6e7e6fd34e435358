import type { LedgerEntry } from '../contract/ledger-entry.ts';
import type { SpendQuery } from './spend-rows.ts';

export type SpendDimension = 'team' | 'key' | 'model' | 'route' | 'tier' | 'upstream' | 'tag' | 'hour' | 'day';

/**
 * One line of a spend report. A request counts once, where it was served; tokens and cost where each attempt was made.
 * Unknown costs are counted, never added as zero.
 */
export type SpendRow = {
  group: string;
  requests: number;
  errors: number;
  cacheHits: number;
  promptTokens: number;
  completionTokens: number;
  estimatedRequests: number;
  costNanoUsd: number;
  savedNanoUsd: number;
  /** Requests whose cost is unknown because a paid model had no price. */
  unpricedRequests: number;
};

/**
 * Port: where ledger entries are kept. Append-only and idempotent by entry id.
 * `append` resolves once the entry survives a crash of this process; it rejects when it could not be stored.
 */
export interface LedgerStore {
  append(entry: LedgerEntry): Promise<void>;
  /** Entries of `at >= sinceMs`, newest first, at most `limit` (1 to 1000). */
  recent(query: { sinceMs: number; limit: number }): Promise<LedgerEntry[]>;
  /** Sums over `sinceMs <= at < untilMs`, by the dimension, largest cost first; one row `all` without a dimension. */
  spend(query: SpendQuery): Promise<SpendRow[]>;
  close(): Promise<void>;
}
