import type { Difficulty, DifficultyClassifier } from './classifier.ts';
import { extractFeatures } from './features.ts';
import { sigmoid } from './logistic-regression.ts';
import type { Weights } from './weights.ts';

/** A feature counts for no more than this many standard deviations, so no freak value decides alone. */
const LARGEST_DEVIATION = 4;

/** Logistic regression over `extractFeatures`, with a Platt map on top. Weights come checked, from `parseWeights`. */
export const createLinearClassifier = (model: Weights): DifficultyClassifier => ({
  modelVersion: model.version,
  typicalDifficulties: model.quantiles,
  classify: (conversation) => judge(model, extractFeatures(conversation)),
});

/** The verdict on one vector of features, in the order of `FEATURE_NAMES`. */
export const judge = (model: Weights, values: readonly number[]): Difficulty => {
  const { slope, offset } = model.calibration;
  const features = standardize(values, model).map((deviation, i) => ({
    name: model.features[i]!,
    value: values[i]!,
    contribution: slope * model.weights[i]! * deviation,
  }));
  const logit = features.reduce((sum, { contribution }) => sum + contribution, slope * model.bias + offset);
  return { difficulty: sigmoid(logit), features, modelVersion: model.version };
};

/** How many standard deviations each feature lies from its training mean, within +-4. */
export const standardize = (values: readonly number[], { mean, scale }: Pick<Weights, 'mean' | 'scale'>): number[] =>
  values.map((value, i) => {
    const deviation = (value - mean[i]!) / scale[i]!;
    return Math.min(LARGEST_DEVIATION, Math.max(-LARGEST_DEVIATION, deviation));
  });
