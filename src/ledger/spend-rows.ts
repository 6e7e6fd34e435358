import type { LedgerEntry } from '../contract/ledger-entry.ts';
import { isFromCache } from '../contract/vocabulary.ts';
import type { SpendDimension, SpendRow } from './ledger-store.ts';
import { type Rollup, rollupsOf, type Sums, stepStart } from './rollup.ts';

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

export type SpendQuery = {
  sinceMs: number;
  untilMs: number;
  by?: SpendDimension | undefined;
  /** For `by: 'tag'`: which. */
  tag?: string | undefined;
};

/** What spend adds up: a roll-up at its time, or a tag's. */
export type Spent = Sums & Pick<Rollup, 'cache' | 'outcome'>;

/** The group of a roll-up; by time it is the beginning of its hour or day in ISO 8601. */
export const groupOf = (
  rollup: Omit<Rollup, 'histogram'> & { at: number },
  by: Exclude<SpendDimension, 'tag'> | undefined,
): string => {
  if (by === undefined) return 'all';
  if (by === 'hour' || by === 'day') return new Date(stepStart(rollup.at, by)).toISOString();
  return rollup[by === 'key' ? 'keyId' : by] || '(none)';
};

/** The spend report: largest cost first, by time the oldest first. */
export const spendRows = (groups: ReadonlyMap<string, Spent[]>, by: SpendDimension | undefined): SpendRow[] => {
  const rows = [...groups].map(([group, own]) => own.reduce(add, emptySpendRow(group)));
  if (by === undefined && rows.length === 0) return [emptySpendRow('all')];
  const isTime = by === 'hour' || by === 'day';
  return rows.sort((a, b) => (isTime ? 0 : b.costNanoUsd - a.costNanoUsd) || (a.group < b.group ? -1 : 1));
};

const add = (row: SpendRow, spent: Spent): SpendRow => ({
  group: row.group,
  requests: row.requests + spent.requests,
  errors: row.errors + (spent.outcome === 'error' || spent.outcome === 'refused' ? spent.requests : 0),
  cacheHits: row.cacheHits + (isFromCache(spent.cache) ? spent.requests : 0),
  promptTokens: row.promptTokens + spent.promptTokens,
  completionTokens: row.completionTokens + spent.completionTokens,
  estimatedRequests: row.estimatedRequests + spent.estimated,
  costNanoUsd: row.costNanoUsd + spent.costNanoUsd,
  savedNanoUsd: row.savedNanoUsd + spent.savedNanoUsd,
  unpricedRequests: row.unpricedRequests + spent.unknownCosts,
});

/** The spend report over entries in memory. */
export const spendOf = (entries: LedgerEntry[], { by, tag }: Pick<SpendQuery, 'by' | 'tag'>): SpendRow[] => {
  const parts = entries.flatMap((entry) =>
    rollupsOf(entry).map((rollup) => ({ ...rollup, at: entry.at, value: entry.tags[tag ?? ''] })),
  );
  const groups =
    by === 'tag'
      ? Map.groupBy(
          parts.filter(({ value }) => value !== undefined),
          ({ value }) => String(value),
        )
      : Map.groupBy(parts, (part) => groupOf(part, by));
  return spendRows(groups, by);
};
