import { RANKING_FEATURES } from './features.ts';
import { logitOf, standardize } from './kind-model.ts';
import { prepareRidge } from './ridge-regression.ts';
import { gainOf, type Sample } from './samples.ts';
import type { Weights } from './weights.ts';

/** From "learn freely" to "keep the order as it is". */
const PENALTIES = [0.3, 1, 3, 10, 30];
/** The model's own score is held back less than most: it has seen far more prompts than these labels. */
const SCORE_PENALTY = 1;
/** A penalty that leaves nothing of a feature. */
const LEFT_OUT = 1e9;

/**
 * Learns from labels how much the model's own score counts and what its ranking features add: ridge regression of the
 * gain (`gainOf`), whose penalty is chosen by cross-validation over the rows' folds. The order is
 * never turned round as a whole: where the score itself ranks these prompts backwards, it is left out.
 */
export const refitLastLayer = (base: Weights, samples: readonly Sample[]): Weights => {
  const rows = samples.map((sample) => toRow(base, sample));
  const penalty = choosePenalty(rows);
  const [score, ...weights] = prepare(rows)(penalty);
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
  const errors = PENALTIES.map(() => 0);
  for (const fold of new Set(rows.map((row) => row.fold))) {
    const training = rows.filter((row) => row.fold !== fold);
    const unseen = rows.filter((row) => row.fold === fold);
    const { features, gain } = meansOf(training);
    const weightsFor = prepare(training);
    PENALTIES.forEach((penalty, p) => {
      const weights = weightsFor(penalty);
      for (const row of unseen) {
        const predicted = weights.reduce((sum, weight, i) => sum + weight * (row.features[i]! - features[i]!), gain);
        errors[p]! += (row.gain - predicted) ** 2;
      }
    });
  }
  return PENALTIES[errors.indexOf(Math.min(...errors))]!;
};

/** Weights for a penalty; the model's own score, the first feature, is left out where its weight would be negative. */
const prepare = (rows: readonly Row[]): ((penalty: number) => number[]) => {
  const means = meansOf(rows);
  const examples = rows.map(({ features, gain }) => ({
    features: features.map((value, i) => value - means.features[i]!),
    target: gain - means.gain,
    weight: 1,
  }));
  const solveFor = prepareRidge(examples);
  return (penalty) => {
    const penalties = means.features.map((_, i) => (i === 0 ? SCORE_PENALTY : penalty));
    const weights = solveFor(penalties);
    return weights[0]! >= 0 ? weights : solveFor(penalties.with(0, LEFT_OUT)).with(0, 0);
  };
};

const meansOf = (rows: readonly Row[]): { features: number[]; gain: number } => {
  const features = new Array<number>(rows[0]!.features.length).fill(0);
  let gain = 0;
  for (const row of rows) {
    gain += row.gain / rows.length;
    for (let i = 0; i < features.length; i++) features[i]! += row.features[i]! / rows.length;
  }
  return { features, gain };
};
