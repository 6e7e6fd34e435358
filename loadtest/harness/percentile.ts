/** The value below which a share of the sorted numbers lies (nearest rank); NaN of none. */
export const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;

export const median = (values: readonly number[]): number => percentile(toSorted(values), 0.5);

export const toSorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
