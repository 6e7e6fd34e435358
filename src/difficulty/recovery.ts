import type { Outcome } from './metrics.ts';

/**
 * For each threshold, the part of the gap between the models' mean scores that is recovered when prompts at or above it
 * go to the strong model: 1 when all that are worth it do, above 1 where the weak model is the better one on the rest.
 * Four digits. All 0 where there is no gap.
 */
export const measureRecovery = (thresholds: readonly number[], outcomes: readonly Outcome[]): number[] => {
  const hardestFirst = [...outcomes].sort((a, b) => b.difficulty - a.difficulty);
  const gap = hardestFirst.reduce((sum, { weak, strong }) => sum + strong - weak, 0);
  if (gap <= 0) return thresholds.map(() => 0);
  const recovered = new Map<number, number>();
  let gained = 0;
  let next = 0;
  for (const threshold of [...thresholds].sort((a, b) => b - a)) {
    for (; next < hardestFirst.length && hardestFirst[next]!.difficulty >= threshold; next++) {
      gained += hardestFirst[next]!.strong - hardestFirst[next]!.weak;
    }
    recovered.set(threshold, Math.round((gained / gap) * 1e4) / 1e4);
  }
  return thresholds.map((threshold) => recovered.get(threshold)!);
};

/** The highest of `quantiles` whose `recovery` reaches `quality`; 0 where none does. */
export const thresholdForQuality = (
  { quantiles, recovery }: { quantiles: readonly number[]; recovery: readonly number[] },
  quality: number,
): number => {
  const at = recovery.findLastIndex((recovered) => recovered >= quality);
  return quantiles[at] ?? 0;
};
