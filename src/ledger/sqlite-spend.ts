import type { DatabaseSync } from 'node:sqlite';
import type { SpendDimension, SpendRow } from './ledger-store.ts';

/**
 * What a report groups by: a column of the entry and, where each attempt has its own, the attempt's. Fixed text: it is
 * the only part of a report's SQL that is not a parameter.
 */
const GROUPS: Record<SpendDimension | 'all', { ofEntry: string; ofAttempt?: string }> = {
  all: { ofEntry: "'all'" },
  team: { ofEntry: 'e.team' },
  key: { ofEntry: 'e.key_id' },
  route: { ofEntry: 'e.route' },
  tier: { ofEntry: 'e.tier', ofAttempt: 'a.tier' },
  upstream: { ofEntry: 'e.upstream', ofAttempt: 'a.upstream' },
  model: { ofEntry: 'e.model', ofAttempt: 'a.model' },
};

/**
 * One inner line for each entry in each of its groups, then their sums. The saving of an entry belongs to the model that
 * served it, so that costs and savings add up to the same totals whatever the grouping.
 */
export const spendSql = (by: SpendDimension | 'all'): string => {
  const { ofEntry, ofAttempt } = GROUPS[by];
  const group = `coalesce(${ofAttempt ?? 'NULL'}, ${ofEntry}, '(none)')`;
  const failed = ofAttempt
    ? "coalesce(a.outcome, e.outcome) IN ('error', 'refused')"
    : "e.outcome IN ('error', 'refused')";
  return `
SELECT name AS "group", count(*) AS requests, sum(is_error) AS errors, sum(is_cache_hit) AS cacheHits,
  sum(prompt_tokens) AS promptTokens, sum(completion_tokens) AS completionTokens, sum(is_estimated) AS estimatedRequests,
  sum(cost) AS costNanoUsd, sum(saved) AS savedNanoUsd, sum(is_unpriced) AS unpricedRequests
FROM (
  SELECT ${group} AS name, max(${failed}) AS is_error, e.cache IN ('hit', 'semantic', 'shared') AS is_cache_hit,
    coalesce(sum(a.prompt_tokens), 0) AS prompt_tokens, coalesce(sum(a.completion_tokens), 0) AS completion_tokens,
    coalesce(max(a.is_estimated), 0) AS is_estimated, coalesce(sum(a.cost_nano_usd), 0) AS cost,
    CASE WHEN ${group} = coalesce(${ofEntry}, '(none)') THEN coalesce(e.saved_nano_usd, 0) ELSE 0 END AS saved,
    count(a.entry_id) > count(a.cost_nano_usd) AS is_unpriced
  FROM entries e LEFT JOIN attempts a ON a.entry_id = e.id
  WHERE e.at >= ? AND e.at < ?
  GROUP BY e.id, name
)
GROUP BY name ORDER BY costNanoUsd DESC, name`;
};

/** @see LedgerStore.spend */
export const readSpend = (
  database: DatabaseSync,
  query: { sinceMs: number; untilMs: number; by?: SpendDimension },
): SpendRow[] => database.prepare(spendSql(query.by ?? 'all')).all(query.sinceMs, query.untilMs) as SpendRow[];
