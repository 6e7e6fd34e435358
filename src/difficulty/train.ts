import { createHash } from 'node:crypto';
import { type CalibrationMap, fitPlatt } from './calibration-map.ts';
import { FEATURE_NAMES } from './features.ts';
import { fitKindModel, type KindModel } from './fit-kind-model.ts';
import { difficultyOf } from './kind-classifier.ts';
import { logitOf, standardize } from './kind-model.ts';
import type { LabelledRow } from './labelled-row.ts';
import { measureRecovery } from './recovery.ts';
import { gainOf, type Sample, toSamples, type Weighted, weighSources } from './samples.ts';
import { measureSources } from './source-figures.ts';
import { WEIGHTS_FORMAT, type Weights } from './weights.ts';

/** Folds that training never sees, so that the model file carries honest figures. */
export const HELD_OUT_FOLDS: readonly number[] = [0, 1];
const MODEL_FAMILY = 'kinds-2';

export type TrainingResult = { weights: Weights; trained: number; heldOut: number; skipped: number };

/**
 * Trains the difficulty model (see `fitKindModel`), then Platt's map, fitted on logits for folds that the predicting
 * model had not seen. No randomness: the same rows give the same bits. The version ends in a hash of all the rest, so
 * it names these very weights.
 * @param data what the rows came from, kept in the weights as given.
 * @throws Error when no row outside the held-out folds has both scores.
 */
export const trainDifficulty = (rows: readonly LabelledRow[], data: Weights['data']): TrainingResult => {
  const samples = toSamples(rows);
  const unseen = samples.filter((sample) => HELD_OUT_FOLDS.includes(sample.fold));
  const training = weighSources(samples.filter((sample) => !HELD_OUT_FOLDS.includes(sample.fold)));
  if (training.length === 0) throw new Error('no row outside the held-out folds has both a weak and a strong score');

  const weights = assemble(fitKindModel(training), calibrate(training), data);
  const score = (sample: Sample) => difficultyOf(weights, sample.values);
  weights.quantiles = percentiles(training.map((sample) => ({ value: score(sample), weight: sample.weight })));
  const judged = unseen.map((sample) => ({ ...sample, difficulty: score(sample) }));
  weights.recovery = measureRecovery(weights.quantiles, judged);
  weights.heldOut.figures = measureSources(judged);
  return {
    weights: nameByContent(weights, MODEL_FAMILY),
    trained: training.length,
    heldOut: unseen.length,
    skipped: rows.length - samples.length,
  };
};

/** The weights with a version that ends in a hash of them. */
export const nameByContent = (weights: Weights, family: string): Weights => {
  const digest = createHash('sha256')
    .update(JSON.stringify({ ...weights, version: '' }))
    .digest('hex');
  return { ...weights, version: `${family}-${digest.slice(0, 8)}` };
};

const assemble = (model: KindModel, calibration: CalibrationMap, data: Weights['data']): Weights => ({
  format: WEIGHTS_FORMAT,
  version: MODEL_FAMILY,
  features: [...FEATURE_NAMES],
  ...model,
  kindScale: 1,
  calibration,
  quantiles: [],
  recovery: [],
  heldOut: { folds: [...HELD_OUT_FOLDS], figures: [] },
  data,
});

const calibrate = (samples: readonly Weighted[]): CalibrationMap => {
  const unseenLogits = [...new Set(samples.map((sample) => sample.fold))].sort().flatMap((fold) => {
    const rest = samples.filter((sample) => sample.fold !== fold);
    if (rest.length === 0) return [];
    const model = { ...fitKindModel(rest), kindScale: 1 };
    return samples
      .filter((sample) => sample.fold === fold)
      .map((sample) => ({
        logit: logitOf(model, standardize(sample.values, model)),
        label: gainOf(sample),
        weight: sample.weight,
      }));
  });
  if (unseenLogits.length === 0) return { kind: 'platt', slope: 1, offset: 0 };
  const map = fitPlatt(unseenLogits);
  return map.kind === 'platt' ? { ...map, slope: round(map.slope), offset: round(map.offset) } : map;
};

/** The 0th to 100th percentile, each sample counting by its weight. */
export const percentiles = (samples: { value: number; weight: number }[]): number[] => {
  const rising = [...samples].sort((a, b) => a.value - b.value);
  const total = rising.reduce((sum, sample) => sum + sample.weight, 0);
  const points: number[] = [];
  let below = 0;
  for (const { value, weight } of rising) {
    below += weight;
    while (points.length < 100 && below > (points.length / 100) * total) points.push(round(value));
  }
  while (points.length < 101) points.push(round(rising.at(-1)!.value));
  return points;
};

/** Eight significant digits: more than the data supports, few enough to read and compare. */
export const round = (value: number): number => Number(value.toPrecision(8));
