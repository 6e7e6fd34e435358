import { minimise } from './lbfgs.ts';

export type LabelledExample = { features: readonly number[]; label: number; weight: number };
export type SoftmaxModel = { weights: number[][]; biases: number[] };

/** The probability of each class, given its score; stable for scores of any size. */
export const softmax = (scores: Float64Array): Float64Array => {
  let largest = Number.NEGATIVE_INFINITY;
  for (const score of scores) largest = Math.max(largest, score);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    scores[i] = Math.exp(scores[i]! - largest);
    sum += scores[i]!;
  }
  for (let i = 0; i < scores.length; i++) scores[i]! /= sum;
  return scores;
};

/**
 * Multinomial logistic regression: `label` is a class from 0 to `classes` - 1. Example weights are scaled to sum to 1;
 * `l2` is the penalty on each squared weight (biases are free). Starts from 0, hence deterministic.
 */
export const fitSoftmax = (examples: readonly LabelledExample[], classes: number, l2: number): SoftmaxModel => {
  const size = examples[0]?.features.length ?? 0;
  const width = size + 1;
  const total = examples.reduce((sum, example) => sum + example.weight, 0);
  const rows = Float64Array.from(examples.flatMap(({ features }) => [...features, 1]));
  const scores = new Float64Array(classes);
  const evaluate = (at: Float64Array) => {
    const gradient = new Float64Array(at.length);
    let value = 0;
    for (let k = 0; k < classes; k++) {
      for (let i = 0; i < size; i++) {
        const weight = at[k * width + i]!;
        value += (l2 / 2) * weight * weight;
        gradient[k * width + i] = l2 * weight;
      }
    }
    examples.forEach(({ label, weight }, row) => {
      const start = row * width;
      for (let k = 0; k < classes; k++) {
        let score = 0;
        for (let i = 0; i < width; i++) score += at[k * width + i]! * rows[start + i]!;
        scores[k] = score;
      }
      softmax(scores);
      const share = weight / total;
      value -= share * Math.log(Math.max(scores[label]!, 1e-300));
      for (let k = 0; k < classes; k++) {
        const error = share * (scores[k]! - (k === label ? 1 : 0));
        for (let i = 0; i < width; i++) gradient[k * width + i]! += error * rows[start + i]!;
      }
    });
    return { value, gradient };
  };
  const fitted = minimise(evaluate, new Float64Array(classes * width));
  const rowOf = (k: number) => [...fitted.subarray(k * width, (k + 1) * width)];
  const fittedRows = Array.from({ length: classes }, (_, k) => rowOf(k));
  return { weights: fittedRows.map((row) => row.slice(0, size)), biases: fittedRows.map((row) => row[size]!) };
};
