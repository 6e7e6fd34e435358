import { softmax } from './softmax-regression.ts';
import type { Weights } from './weights.ts';

/** A feature counts for no more than this many standard deviations, so no freak value decides alone. */
const LARGEST_DEVIATION = 4;

type Kinds = Pick<Weights, 'kinds'>;
type Logits = Pick<Weights, 'kinds' | 'kindScale' | 'ranking'>;

/** Log-odds before the calibration map: how hard such kinds of prompt are, plus the prompt's rank among its kind. */
export const logitOf = (model: Logits, deviations: readonly number[]): number =>
  model.kindScale * kindLogit(model, kindEvidence(model, deviations)) + rankLogit(model, deviations);

/** What the features say for each kind, the kind's own frequency (its bias) left out. */
export const kindEvidence = ({ kinds }: Kinds, deviations: readonly number[]): Float64Array => {
  const evidence = new Float64Array(kinds.length);
  for (let k = 0; k < kinds.length; k++) {
    const { weights } = kinds[k]!;
    let sum = 0;
    for (let i = 0; i < deviations.length; i++) sum += weights[i]! * deviations[i]!;
    evidence[k] = sum;
  }
  return evidence;
};

/** The share that each kind has in the prompt, when only a part of the evidence (0 to 1) is believed. */
export const kindShares = ({ kinds }: Kinds, evidence: Float64Array, part = 1): Float64Array =>
  softmax(evidence.map((value, k) => kinds[k]!.bias + part * value));

/** Each kind has a typical gain; this is the mean over the kinds by their shares. */
export const meanGain = ({ kinds }: Kinds, shares: Float64Array): number => {
  let gain = 0;
  for (let k = 0; k < kinds.length; k++) gain += shares[k]! * kinds[k]!.gain;
  return gain;
};

/** The mean gain as log-odds. */
export const kindLogit = (model: Kinds, evidence: Float64Array, part = 1): number => {
  const gain = meanGain(model, kindShares(model, evidence, part));
  return Math.log(gain / (1 - gain));
};

const rankLogit = ({ ranking }: Pick<Weights, 'ranking'>, deviations: readonly number[]): number => {
  let sum = 0;
  for (let i = 0; i < deviations.length; i++) sum += ranking[i]! * deviations[i]!;
  return sum;
};

/** How many standard deviations each feature lies from its training mean, within +-4. */
export const standardize = (values: readonly number[], { mean, scale }: Pick<Weights, 'mean' | 'scale'>): number[] =>
  values.map((value, i) => {
    const deviation = (value - mean[i]!) / scale[i]!;
    return Math.min(LARGEST_DEVIATION, Math.max(-LARGEST_DEVIATION, deviation));
  });
