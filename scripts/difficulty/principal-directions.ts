import { seededRandom } from '../../src/difficulty/seeded-random.ts';

const ROUNDS = 150;

/**
 * The directions along which weighted vectors vary most, by subspace iteration from a fixed start. Each direction has
 * length 1 and its largest component positive, so the result does not depend on the sign the iteration ends with.
 */
export const principalDirections = (
  vectors: readonly Float32Array[],
  weights: Float64Array,
  count: number,
): { mean: Float64Array; directions: Float64Array[] } => {
  const size = vectors[0]!.length;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = new Float64Array(size);
  vectors.forEach((vector, i) => {
    for (let j = 0; j < size; j++) mean[j]! += (weights[i]! * vector[j]!) / total;
  });
  const covariance = Array.from({ length: size }, () => new Float64Array(size));
  vectors.forEach((vector, i) => {
    if (weights[i] === 0) return;
    const centred = Float64Array.from(vector, (value, j) => value - mean[j]!);
    for (let a = 0; a < size; a++) {
      const row = covariance[a]!;
      const scaled = weights[i]! * centred[a]!;
      for (let b = 0; b < size; b++) row[b]! += scaled * centred[b]!;
    }
  });
  const random = seededRandom(1);
  let directions = Array.from({ length: count }, () => Float64Array.from({ length: size }, () => random() - 0.5));
  for (let round = 0; round < ROUNDS; round++) {
    directions = directions.map((direction) => Float64Array.from(covariance, (row) => dot(row, direction)));
    orthonormalise(directions);
  }
  return { mean, directions: directions.map(orient) };
};

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

const orthonormalise = (directions: Float64Array[]): void => {
  directions.forEach((direction, i) => {
    for (const earlier of directions.slice(0, i)) {
      const along = dot(direction, earlier);
      for (let j = 0; j < direction.length; j++) direction[j]! -= along * earlier[j]!;
    }
    const length = Math.sqrt(dot(direction, direction));
    for (let j = 0; j < direction.length; j++) direction[j]! /= length;
  });
};

const orient = (direction: Float64Array): Float64Array => {
  const largest = direction.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  return largest < 0 ? direction.map((value) => -value) : direction;
};
