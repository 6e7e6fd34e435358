import { FEATURE_NAMES, KIND_FEATURES, RANKING_FEATURES } from './features.ts';
import { standardize } from './kind-model.ts';
import { fitRidge } from './ridge-regression.ts';
import { gainOf, type Weighted } from './samples.ts';
import { fitSoftmax } from './softmax-regression.ts';
import type { Weights } from './weights.ts';

export type KindModel = Pick<Weights, 'mean' | 'scale' | 'kinds' | 'ranking'>;

/** Both chosen on the held-out folds and on sources left out; values three times as large or small do nearly as well. */
const KIND_PENALTY = 0.0005;
const RANK_PENALTY = 0.3;
/** Log-odds between two prompts of one kind that lie one standard deviation of rank apart. */
const RANK_STEP = 0.3;
/** No kind is taken to be always or never worth the large model. */
const SMALLEST_GAIN = 0.02;

/**
 * Fits the two parts of the model, which answer two questions. *What kind of prompt is this?* is multinomial logistic
 * regression over the kinds in the data; each kind brings its mean gain. *Is it harder than others of its kind?* is
 * ridge regression of how often the small model fails on features, both as distances from their source's mean, so that
 * differences between sources (which say more about the benchmark than about the prompt) teach it nothing. Inside a
 * source this ranks unseen prompts better than the gain does: where the large model fails too depends on its vintage.
 */
export const fitKindModel = (samples: readonly Weighted[]): KindModel => {
  const standard = measureSpread(samples);
  const deviations = samples.map(({ values }) => standardize(values, standard));
  const kinds = fitKinds(samples, deviations);
  const ranking = fitRanking(samples, deviations);
  return { mean: standard.mean, scale: standard.scale, kinds, ranking };
};

const measureSpread = (samples: readonly Weighted[]): Pick<Weights, 'mean' | 'scale'> => {
  const total = samples.reduce((sum, sample) => sum + sample.weight, 0);
  const average = (measure: (sample: Weighted) => number) =>
    samples.reduce((sum, sample) => sum + sample.weight * measure(sample), 0) / total;
  const mean = FEATURE_NAMES.map((_, i) => average(({ values }) => values[i]!));
  const deviation = mean.map((middle, i) => Math.sqrt(average(({ values }) => (values[i]! - middle) ** 2)));
  // A feature that never varies keeps its unit; its weight comes out as 0.
  return { mean: mean.map(round), scale: deviation.map((size) => round(size > 1e-6 ? size : 1)) };
};

const fitKinds = (samples: readonly Weighted[], deviations: readonly number[][]): Weights['kinds'] => {
  const groups = [...Map.groupBy(samples, (sample) => sample.kind)].sort(([a], [b]) => (a < b ? -1 : 1));
  const names = groups.map(([name]) => name);
  const used = FEATURE_NAMES.flatMap((_, i) => (KIND_FEATURES[i] ? [i] : []));
  const examples = samples.map((sample, row) => ({
    features: used.map((i) => deviations[row]![i]!),
    label: names.indexOf(sample.kind),
    weight: sample.weight,
  }));
  const { weights, biases } = fitSoftmax(examples, names.length, KIND_PENALTY);
  return groups.map(([name, group], k) => {
    const total = group.reduce((sum, sample) => sum + sample.weight, 0);
    const gain = group.reduce((sum, sample) => sum + sample.weight * gainOf(sample), 0) / total;
    return {
      name,
      gain: round(Math.min(1 - SMALLEST_GAIN, Math.max(SMALLEST_GAIN, gain))),
      bias: round(biases[k]!),
      weights: spreadOver(used, weights[k]!),
    };
  });
};

const fitRanking = (samples: readonly Weighted[], deviations: readonly number[][]): number[] => {
  const used = FEATURE_NAMES.flatMap((_, i) => (RANKING_FEATURES[i] ? [i] : []));
  const rows = samples.map((sample, row) => ({ sample, features: used.map((i) => deviations[row]![i]!) }));
  const examples = [...Map.groupBy(rows, ({ sample }) => sample.source).values()].flatMap((group) => {
    const meanOf = (measure: (row: (typeof rows)[number]) => number) =>
      group.reduce((sum, row) => sum + measure(row), 0) / group.length;
    const centre = used.map((_, i) => meanOf(({ features }) => features[i]!));
    const failure = meanOf(({ sample }) => 1 - sample.weak);
    return group.map(({ sample, features }) => ({
      features: features.map((value, i) => value - centre[i]!),
      target: 1 - sample.weak - failure,
      // A source of four times the rows counts twice.
      weight: 1 / Math.sqrt(group.length),
    }));
  });
  const weights = fitRidge(examples, RANK_PENALTY);
  const ranks = examples.map(({ features, weight }) => ({
    rank: features.reduce((sum, value, i) => sum + value * weights[i]!, 0),
    weight,
  }));
  const total = ranks.reduce((sum, { weight }) => sum + weight, 0);
  const spread = Math.sqrt(ranks.reduce((sum, { rank, weight }) => sum + weight * rank * rank, 0) / total);
  const step = spread > 1e-9 ? RANK_STEP / spread : 0;
  return spreadOver(
    used,
    weights.map((weight) => weight * step),
  );
};

/** A list as long as the features, with the values at the places used and 0 elsewhere. */
const spreadOver = (used: readonly number[], values: readonly number[]): number[] => {
  const all = new Array<number>(FEATURE_NAMES.length).fill(0);
  used.forEach((place, i) => {
    all[place] = round(values[i]!);
  });
  return all;
};

const round = (value: number): number => Number(value.toPrecision(6));
