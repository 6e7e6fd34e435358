import type { Totals } from '../contract/admin/report.ts';
import { isFromCache } from '../contract/vocabulary.ts';
import { addToTally, type Histogram, newTally, quantileMs } from './histogram.ts';
import { NO_SUMS, type Rollup, SUMS, type Sums } from './rollup.ts';

/** Part of a roll-up that totals read: tags have no model. */
export type Summed = Sums & { histogram: Histogram | Uint8Array } & Partial<Pick<Rollup, 'cache' | 'outcome'>>;

/** Roll-ups added up into what reports show. */
export const totalsOf = (rows: Iterable<Summed>): Totals => {
  const sums = { ...NO_SUMS };
  const tally = newTally();
  const outcomes: Record<string, number> = {};
  let cacheHits = 0;
  for (const row of rows) {
    for (const name of SUMS) sums[name as keyof Sums] += row[name as keyof Sums];
    addToTally(tally, row.histogram);
    outcomes[row.outcome ?? 'ok'] = (outcomes[row.outcome ?? 'ok'] ?? 0) + row.requests;
    if (isFromCache(row.cache ?? undefined)) cacheHits += row.requests;
  }
  const { estimated: _estimated, attempts: _attempts, ...shown } = sums;
  return {
    ...shown,
    ok: outcomes['ok'] ?? 0,
    errors: outcomes['error'] ?? 0,
    aborted: outcomes['aborted'] ?? 0,
    refused: outcomes['refused'] ?? 0,
    cacheHits,
    p50Ms: quantileMs(tally, 'total', 0.5),
    p95Ms: quantileMs(tally, 'total', 0.95),
    firstTokenP50Ms: quantileMs(tally, 'firstToken', 0.5),
    firstTokenP95Ms: quantileMs(tally, 'firstToken', 0.95),
    overheadP50Ms: quantileMs(tally, 'overhead', 0.5),
  };
};
