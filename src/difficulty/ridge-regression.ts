import { solve } from './cholesky.ts';

/** One example: features and target, both as distances from their group's mean, and how much it counts. */
export type CentredExample = { features: readonly number[]; target: number; weight: number };

/**
 * Least squares with a penalty: every feature is brought to unit spread first, so `l2` means the same for each; a
 * feature that never varies gets 0. Closed form, hence deterministic.
 * @param l2 the penalty, one for all features or one for each.
 */
export const fitRidge = (examples: readonly CentredExample[], l2: number | readonly number[]): number[] =>
  prepareRidge(examples)(l2);

/** The same in two steps, for trying several penalties on the same examples: the first step takes nearly all the time. */
export const prepareRidge = (examples: readonly CentredExample[]): ((l2: number | readonly number[]) => number[]) => {
  const size = examples[0]?.features.length ?? 0;
  const total = examples.reduce((sum, example) => sum + example.weight, 0);
  const products = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  const moments = new Array<number>(size).fill(0);
  for (const { features, target, weight } of examples) {
    for (let i = 0; i < size; i++) {
      const scaled = (weight / total) * features[i]!;
      if (scaled === 0) continue;
      moments[i]! += scaled * target;
      const row = products[i]!;
      for (let j = 0; j <= i; j++) row[j]! += scaled * features[j]!;
    }
  }
  const inverse = products.map((row, i) => (row[i]! > 1e-12 ? 1 / Math.sqrt(row[i]!) : 0));
  const scaledProducts = products.map((row, i) => row.map((value, j) => value * inverse[i]! * inverse[j]!));
  const scaledMoments = moments.map((value, i) => value * inverse[i]!);
  return (l2) => {
    const matrix = scaledProducts.map((row, i) =>
      row.map((value, j) => (i === j ? value + (typeof l2 === 'number' ? l2 : l2[i]!) : value)),
    );
    return solve(matrix, scaledMoments).map((value, i) => value * inverse[i]!);
  };
};
