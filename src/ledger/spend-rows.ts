import type { AttemptRecord, LedgerEntry } from '../contract/ledger-entry.ts';
import { isFromCache } from '../contract/vocabulary.ts';
import type { SpendDimension, SpendRow } from './ledger-store.ts';

/** A row of zeros. */
export const emptySpendRow = (group: string): SpendRow => ({
  group,
  requests: 0,
  errors: 0,
  cacheHits: 0,
  promptTokens: 0,
  completionTokens: 0,
  estimatedRequests: 0,
  costNanoUsd: 0,
  savedNanoUsd: 0,
  unpricedRequests: 0,
});

/**
 * The spend report over entries in memory, largest cost first. An entry counts once in every group it touched: by tier,
 * upstream and model those are the groups of its attempts, or its own when it has none. Its saving goes to its own.
 */
export const spendRows = (entries: Iterable<LedgerEntry>, by: SpendDimension | undefined): SpendRow[] => {
  const rows = new Map<string, SpendRow>(by ? [] : [['all', emptySpendRow('all')]]);
  for (const entry of entries) {
    for (const [group, attempts] of attemptsByGroup(entry, by)) {
      const row = rows.get(group) ?? emptySpendRow(group);
      rows.set(group, row);
      add(row, entry, attempts, isByAttempt(by));
      if (group === groupOf(entry, by)) row.savedNanoUsd += entry.savedNanoUsd ?? 0;
    }
  }
  return [...rows.values()].sort((a, b) => b.costNanoUsd - a.costNanoUsd || (a.group < b.group ? -1 : 1));
};

const add = (row: SpendRow, entry: LedgerEntry, attempts: AttemptRecord[], byAttempt: boolean): void => {
  const outcomes = byAttempt && attempts.length > 0 ? attempts.map(({ outcome }) => outcome) : [entry.outcome];
  row.requests++;
  row.errors += Number(outcomes.some((outcome) => outcome === 'error' || outcome === 'refused'));
  row.cacheHits += Number(isFromCache(entry.cache));
  row.estimatedRequests += Number(attempts.some(({ tokens }) => tokens.isEstimated));
  row.unpricedRequests += Number(attempts.some(({ costNanoUsd }) => costNanoUsd === null));
  for (const { tokens, costNanoUsd } of attempts) {
    row.promptTokens += tokens.promptTokens;
    row.completionTokens += tokens.completionTokens;
    row.costNanoUsd += costNanoUsd ?? 0;
  }
};

const attemptsByGroup = (entry: LedgerEntry, by: SpendDimension | undefined): Map<string, AttemptRecord[]> => {
  if (!isByAttempt(by) || entry.attempts.length === 0) return new Map([[groupOf(entry, by), entry.attempts]]);
  return Map.groupBy(entry.attempts, (attempt) => attempt[by]);
};

const isByAttempt = (by: SpendDimension | undefined): by is 'tier' | 'upstream' | 'model' =>
  by === 'tier' || by === 'upstream' || by === 'model';

const groupOf = (entry: LedgerEntry, by: SpendDimension | undefined): string =>
  by ? (entry[by === 'key' ? 'keyId' : by] ?? '(none)') : 'all';
