import { solve } from './cholesky.ts';

/** One training example: standardised features, a label between 0 and 1, and how much it counts. */
export type Example = { features: readonly number[]; label: number; weight: number };
export type LinearModel = { weights: number[]; bias: number };

const MOST_ITERATIONS = 50;
const TOLERANCE = 1e-10;

export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** The model's log-odds for one vector of standardised features. */
export const logitOf = (model: LinearModel, features: readonly number[]): number =>
  features.reduce((sum, value, i) => sum + value * model.weights[i]!, model.bias);

/**
 * Logistic regression on soft labels by Newton's method, full batch, hence deterministic. Example weights are scaled to
 * sum to 1; `l2` is the penalty on each squared weight (the bias is free).
 * @throws Error without examples.
 */
export const fitLogisticRegression = (examples: readonly Example[], l2: number): LinearModel => {
  const size = examples[0]?.features.length;
  if (size === undefined) throw new Error('there is nothing to train on');
  const total = examples.reduce((sum, example) => sum + example.weight, 0);
  const model: LinearModel = { weights: new Array<number>(size).fill(0), bias: 0 };
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    const gradient = [...model.weights.map((weight) => l2 * weight), 0];
    const hessian = gradient.map((_, i) => gradient.map((__, j) => (i === j && i < size ? l2 : i === j ? 1e-9 : 0)));
    for (const { features, label, weight } of examples) {
      const probability = sigmoid(logitOf(model, features));
      const error = (weight / total) * (probability - label);
      const curvature = (weight / total) * probability * (1 - probability);
      for (let i = 0; i <= size; i++) {
        const value = i < size ? features[i]! : 1;
        gradient[i]! += error * value;
        const row = hessian[i]!;
        const scaled = curvature * value;
        for (let j = 0; j < i; j++) row[j]! += scaled * features[j]!;
        row[i]! += scaled * value;
      }
    }
    const step = solve(hessian, gradient);
    model.weights = model.weights.map((weight, i) => weight - step[i]!);
    model.bias -= step[size]!;
    if (Math.max(...step.map(Math.abs)) < TOLERANCE) break;
  }
  return model;
};
