import { setQuery, useLocation } from './location.ts';

export const RANGES = {
  '1h': { label: 'Last hour', ms: 3_600_000 },
  '24h': { label: 'Last 24 hours', ms: 86_400_000 },
  '7d': { label: 'Last 7 days', ms: 7 * 86_400_000 },
  '30d': { label: 'Last 30 days', ms: 30 * 86_400_000 },
  '90d': { label: 'Last 90 days', ms: 90 * 86_400_000 },
} as const;
export type RangeName = keyof typeof RANGES;

const DEFAULT: RangeName = '24h';

/** The range of time that the reader chose; it is in the URL. */
export const useRange = (): { name: RangeName; ms: number; set(name: RangeName): void } => {
  const given = useLocation().query.get('range') ?? DEFAULT;
  const name = given in RANGES ? (given as RangeName) : DEFAULT;
  return { name, ms: RANGES[name].ms, set: (next) => setQuery({ range: next === DEFAULT ? null : next }) };
};
