import { slopeOf } from './calibration-map.ts';
import { kindEvidence, kindLogit, kindShares, meanGain } from './kind-model.ts';
import type { Weights } from './weights.ts';

/** Points along the way from the average prompt at which the slope is taken. */
const STEPS = 6;

/**
 * What each feature contributed to the calibrated log-odds, against an average prompt; the contributions add up to the
 * whole difference. The kinds' part is not linear, so it is followed from the average prompt to this one (integrated
 * gradients, Sundararajan et al. 2017, arXiv 1703.01365); what the six steps miss is shared out by size.
 */
export const attribute = (model: Weights, deviations: readonly number[]): number[] => {
  const slope = slopeOf(model.calibration);
  const kindPart = attributeKinds(model, deviations);
  return kindPart.map((part, i) => slope * (model.kindScale * part + model.ranking[i]! * deviations[i]!));
};

const attributeKinds = (model: Weights, deviations: readonly number[]): number[] => {
  const { kinds } = model;
  const evidence = kindEvidence(model, deviations);
  const pulls = new Float64Array(kinds.length);
  for (let step = 0; step < STEPS; step++) {
    const shares = kindShares(model, evidence, (step + 0.5) / STEPS);
    const gain = meanGain(model, shares);
    for (let k = 0; k < kinds.length; k++) {
      pulls[k]! += (shares[k]! * (kinds[k]!.gain - gain)) / (gain * (1 - gain)) / STEPS;
    }
  }
  const parts = new Array<number>(deviations.length).fill(0);
  for (let k = 0; k < kinds.length; k++) {
    const { weights } = kinds[k]!;
    for (let i = 0; i < parts.length; i++) parts[i]! += pulls[k]! * weights[i]! * deviations[i]!;
  }
  const missing = kindLogit(model, evidence) - kindLogit(model, evidence, 0) - sum(parts);
  const size = sum(parts.map(Math.abs));
  return size > 0 ? parts.map((part) => part + (missing * Math.abs(part)) / size) : parts;
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
