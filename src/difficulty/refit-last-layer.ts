import { RANKING_FEATURES } from './features.ts';
import { logitOf, standardize } from './kind-model.ts';
import { fitRidge } from './ridge-regression.ts';
import { gainOf, type Sample } from './samples.ts';
import type { Weights } from './weights.ts';

/** From "learn freely" to "keep the order as it is". */
const PENALTIES = [0.3, 1, 3, 10, 30];
/** The model's own score is held back less than most: it has seen far more prompts than these labels. */
const SCORE_PENALTY = 1;

/**
 * Learns from labels how much the model's own score counts and what its ranking features add: ridge regression of the
 * gain (`gainOf`), whose penalty is chosen by cross-validation over the rows' folds. The order is
 * never turned round as a whole: where the score itself ranks these prompts backwards, it is left out.
 */
export const refitLastLayer = (base: Weights, samples: readonly Sample[]): Weights => {
  const rows = samples.map((sample) => toRow(base, sample));
  const penalty = choosePenalty(rows);
  const [score, ...weights] = fitRows(rows, penalty);
  const places = RANKING_FEATURES.flatMap((isUsed, i) => (isUsed ? [i] : []));
  const ranking = base.ranking.map((weight) => weight * score!);
  places.forEach((place, i) => {
    ranking[place]! += weights[i]!;
  });
  return { ...base, kindScale: base.kindScale * score!, ranking };
};

type Row = { features: number[]; gain: number; fold: number };

const toRow = (base: Weights, sample: Sample): Row => {
  const deviations = standardize(sample.values, base);
  const ranking = deviations.filter((_, i) => RANKING_FEATURES[i]);
  return { features: [logitOf(base, deviations), ...ranking], gain: gainOf(sample), fold: sample.fold };
};

const choosePenalty = (rows: readonly Row[]): number => {
  const folds = [...new Set(rows.map((row) => row.fold))];
  let best = { penalty: PENALTIES[0]!, error: Number.POSITIVE_INFINITY };
  for (const penalty of PENALTIES) {
    let error = 0;
    for (const fold of folds) {
      const training = rows.filter((row) => row.fold !== fold);
      const weights = fitRows(training, penalty);
      const { gain, features } = meansOf(training);
      for (const row of rows) {
        if (row.fold !== fold) continue;
        const predicted = weights.reduce((sum, weight, i) => sum + weight * (row.features[i]! - features[i]!), gain);
        error += (row.gain - predicted) ** 2;
      }
    }
    if (error < best.error) best = { penalty, error };
  }
  return best.penalty;
};

const fitRows = (rows: readonly Row[], penalty: number): number[] => {
  const means = meansOf(rows);
  const examples = rows.map(({ features, gain }) => ({
    features: features.map((value, i) => value - means.features[i]!),
    target: gain - means.gain,
    weight: 1,
  }));
  const penalties = means.features.map((_, i) => (i === 0 ? SCORE_PENALTY : penalty));
  const weights = fitRidge(examples, penalties);
  if (weights[0]! >= 0) return weights;
  return fitRidge(
    examples.map((example) => ({ ...example, features: example.features.map((value, i) => (i === 0 ? 0 : value)) })),
    penalties,
  );
};

const meansOf = (rows: readonly Row[]): { features: number[]; gain: number } => {
  const mean = (measure: (row: Row) => number) => rows.reduce((sum, row) => sum + measure(row), 0) / rows.length;
  const features = rows[0]!.features.map((_, i) => mean((row) => row.features[i]!));
  return { features, gain: mean((row) => row.gain) };
};
