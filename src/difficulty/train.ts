import { createHash } from 'node:crypto';
import { extractFeatures, FEATURE_NAMES } from './features.ts';
import { foldOf, type LabelledRow, lengthOf, type Scores, tierScores, toConversation } from './labelled-row.ts';
import { judge, standardize } from './linear-classifier.ts';
import { fitLogisticRegression, type LinearModel, logitOf } from './logistic-regression.ts';
import { measureSources } from './source-figures.ts';
import type { Weights } from './weights.ts';

/** Folds that training never sees, so that the model file carries honest figures. */
export const HELD_OUT_FOLDS: readonly number[] = [0, 1];
const MODEL_FAMILY = 'structural-1';
/** Chosen on the held-out folds; anything from 0.0001 to 0.01 does as well. */
const L2 = 0.002;

type Sample = Scores & { source: string; fold: number; values: number[]; length: number };
type Weighted = Sample & { weight: number };
type Fit = { standard: Pick<Weights, 'mean' | 'scale'>; model: LinearModel };

export type TrainingResult = { weights: Weights; trained: number; heldOut: number; skipped: number };

/**
 * Trains the difficulty model: logistic regression on soft labels (see `gainOf`), then Platt's map, fitted on logits
 * for folds that the predicting model had not seen. No randomness: the same rows give the same bits.
 * The version ends in a hash of all the rest, so it names these very weights.
 * @param data what the rows came from, kept in the weights as given.
 * @throws Error when no row outside the held-out folds has both scores.
 */
export const trainDifficulty = (rows: readonly LabelledRow[], data: Weights['data']): TrainingResult => {
  const samples = rows.flatMap(toSample);
  const unseen = samples.filter((sample) => HELD_OUT_FOLDS.includes(sample.fold));
  const training = weighSources(samples.filter((sample) => !HELD_OUT_FOLDS.includes(sample.fold)));
  if (training.length === 0) throw new Error('no row outside the held-out folds has both a weak and a strong score');

  const { standard, model } = fitModel(training);
  const weights: Weights = {
    version: MODEL_FAMILY,
    features: [...FEATURE_NAMES],
    mean: standard.mean.map(round),
    scale: standard.scale.map(round),
    weights: model.weights.map(round),
    bias: round(model.bias),
    calibration: calibrate(training),
    quantiles: [],
    heldOut: { folds: [...HELD_OUT_FOLDS], figures: [] },
    data,
  };
  const difficultyOf = (sample: Sample) => judge(weights, sample.values).difficulty;
  weights.quantiles = percentiles(training.map((sample) => ({ value: difficultyOf(sample), weight: sample.weight })));
  weights.heldOut.figures = measureSources(unseen.map((sample) => ({ ...sample, difficulty: difficultyOf(sample) })));
  const digest = createHash('sha256').update(JSON.stringify(weights)).digest('hex');
  weights.version = `${MODEL_FAMILY}-${digest.slice(0, 8)}`;
  return { weights, trained: training.length, heldOut: unseen.length, skipped: rows.length - samples.length };
};

/**
 * The label: the chance that the small model is wrong where the large one is right, taking the two as independent given
 * the prompt. It is the gain, not "the small one fails": where both fail, paying for the large one buys nothing.
 */
const gainOf = ({ weak, strong }: Scores): number => strong * (1 - weak);

const toSample = (row: LabelledRow): Sample[] => {
  const scores = tierScores(row);
  if (!scores) return [];
  const values = extractFeatures(toConversation(row));
  return [{ ...scores, source: row.source ?? 'unnamed', fold: foldOf(row), values, length: lengthOf(row) }];
};

/**
 * Weights that sum to 1: families of sources (the name up to its first hyphen) count the same, and inside a family each
 * source does, so that a collection of 3,000 exam questions does not outvote 200 everyday prompts.
 */
const weighSources = (samples: readonly Sample[]): Weighted[] => {
  const familyOf = (sample: Sample) => sample.source.split('-')[0]!;
  const families = Map.groupBy(samples, familyOf);
  const sources = Map.groupBy(samples, (sample) => sample.source);
  const sourcesOf = new Map([...families].map(([name, group]) => [name, new Set(group.map((s) => s.source)).size]));
  return samples.map((sample) => {
    const inSource = sources.get(sample.source)!.length;
    return { ...sample, weight: 1 / (families.size * sourcesOf.get(familyOf(sample))! * inSource) };
  });
};

const fitModel = (samples: readonly Weighted[]): Fit => {
  const total = samples.reduce((sum, sample) => sum + sample.weight, 0);
  const weightedMean = (measure: (sample: Weighted) => number) =>
    samples.reduce((sum, sample) => sum + sample.weight * measure(sample), 0) / total;
  const mean = FEATURE_NAMES.map((_, i) => weightedMean(({ values }) => values[i]!));
  const deviation = mean.map((middle, i) => Math.sqrt(weightedMean(({ values }) => (values[i]! - middle) ** 2)));
  // A feature that never varies keeps its unit; its weight comes out as 0.
  const standard = { mean, scale: deviation.map((size) => (size > 1e-6 ? size : 1)) };
  const examples = samples.map((sample) => ({
    features: standardize(sample.values, standard),
    label: gainOf(sample),
    weight: sample.weight,
  }));
  return { standard, model: fitLogisticRegression(examples, L2) };
};

const calibrate = (samples: readonly Weighted[]): Weights['calibration'] => {
  const unseenLogits = [...new Set(samples.map((sample) => sample.fold))].flatMap((fold) => {
    const rest = samples.filter((sample) => sample.fold !== fold);
    if (rest.length === 0) return [];
    const { standard, model } = fitModel(rest);
    return samples
      .filter((sample) => sample.fold === fold)
      .map((sample) => ({
        features: [logitOf(model, standardize(sample.values, standard))],
        label: gainOf(sample),
        weight: sample.weight,
      }));
  });
  if (unseenLogits.length === 0) return { slope: 1, offset: 0 };
  const { weights, bias } = fitLogisticRegression(unseenLogits, 0);
  // A score that does not rank unseen prompts is flattened, never turned round.
  return { slope: round(Math.max(weights[0]!, 0.01)), offset: round(bias) };
};

/** The 0th to 100th percentile, each sample counting by its weight. */
const percentiles = (samples: { value: number; weight: number }[]): number[] => {
  const rising = samples.sort((a, b) => a.value - b.value);
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
const round = (value: number): number => Number(value.toPrecision(8));
