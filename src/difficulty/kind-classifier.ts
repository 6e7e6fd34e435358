import { attribute } from './attribute.ts';
import { applyMap } from './calibration-map.ts';
import type { Difficulty, DifficultyClassifier } from './classifier.ts';
import { extractFeatures } from './features.ts';
import { logitOf, standardize } from './kind-model.ts';
import { thresholdForQuality } from './recovery.ts';
import type { Weights } from './weights.ts';

/** The shipped model or one calibrated on the user's labels. Weights come checked, from `parseWeights`. */
export const createKindClassifier = (model: Weights): DifficultyClassifier => ({
  modelVersion: model.version,
  typicalDifficulties: model.quantiles,
  thresholdForQuality: (quality) => thresholdForQuality(model, quality),
  classify: (conversation) => judge(model, extractFeatures(conversation)),
  judge: (values) => judge(model, values),
});

/** The verdict on one vector of features, in the order of `FEATURE_NAMES`. */
export const judge = (model: Weights, values: readonly number[]): Difficulty => {
  const deviations = standardize(values, model);
  return {
    difficulty: applyMap(model.calibration, logitOf(model, deviations)),
    modelVersion: model.version,
    values,
    // Made when somebody asks why: most requests are decided and never explained.
    get features() {
      return attribute(model, deviations).map((contribution, i) => ({
        name: model.features[i]!,
        value: values[i]!,
        contribution,
      }));
    },
  };
};

/** The difficulty alone, without its reasons: for training and calibration. */
export const difficultyOf = (model: Weights, values: readonly number[]): number =>
  applyMap(model.calibration, logitOf(model, standardize(values, model)));
