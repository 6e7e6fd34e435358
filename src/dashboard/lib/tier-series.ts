import type { Series } from '../components/legend.tsx';

const KNOWN: Record<string, string> = {
  small: 'var(--small)',
  large: 'var(--large)',
  cache: 'var(--cached)',
  escalated: 'var(--cached)',
  failed: 'var(--bad)',
  none: 'var(--ink-soft)',
};
const OTHERS = ['var(--accent)', 'var(--good)', 'var(--warn)', 'var(--large)'];

/** At the bottom of a stack: an area without height would draw its line over that of another. */
const RARE = new Set(['none', 'failed']);

/** One series for each name that occurs: usual tiers keep their colour everywhere. */
export const seriesOf = (records: readonly Record<string, number>[]): Series[] => {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))].sort(
    (a, b) => Number(RARE.has(b)) - Number(RARE.has(a)) || (a < b ? -1 : 1),
  );
  return names.map((name, index) => ({
    key: name,
    name: name === 'none' ? 'no answer' : name,
    color: KNOWN[name] ?? (OTHERS[index % OTHERS.length] as string),
  }));
};
