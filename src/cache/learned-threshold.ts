/** One check of an entry: how near the question was, and whether the entry's answer was right for it. */
export type Observation = { similarity: number; isRight: boolean };

/** The newest are kept. */
export const MAX_OBSERVATIONS = 32;

/** How fast the chance of a right answer grows with similarity; from .9 to .95 the odds grow by e^2. */
const STEEPNESS = 40;
/** What is believed of a new entry weighs as much as one check at its midpoint: one wrong answer outweighs it. */
const PRIOR_WEIGHT = 1;
/** Standard errors between the estimate and the bound that decisions use: 95 %, one-sided. */
const Z = 1.645;

export type ThresholdOptions = { minSimilarity: number; maxErrorRate: number };

/**
 * Least chance that an entry's answer is right at a similarity, after what was observed of it. The chance is logistic in
 * the similarity, with a midpoint of each entry's own (vCache, https://arxiv.org/abs/2502.03771, section 4): its most likely
 * value given the observations and a prior, and then the upper end of its confidence interval. The prior is such that an
 * entry without observations has exactly `1 - maxErrorRate` at `minSimilarity`.
 */
export const chanceRight = (
  similarity: number,
  observations: readonly Observation[],
  { minSimilarity, maxErrorRate }: ThresholdOptions,
): number => {
  const priorError = 1 / Math.sqrt(information(PRIOR_WEIGHT * 0.25));
  const logOdds = Math.log((1 - maxErrorRate) / maxErrorRate);
  const prior = minSimilarity - logOdds / STEEPNESS - Z * priorError;
  const midpoint = mostLikely(prior, observations);
  const weight = observations.reduce((sum, { similarity: at }) => {
    const chance = logistic(at, midpoint);
    return sum + chance * (1 - chance);
  }, PRIOR_WEIGHT * 0.25);
  const bound = midpoint + Z / Math.sqrt(information(weight));
  return logistic(similarity, bound);
};

/**
 * The part of such requests that may be answered from the entry, so that at most `maxErrorRate` of them all are answered
 * wrongly; the others ask the model, and show whether the entry was right.
 */
export const shareServed = (chance: number, { maxErrorRate }: Pick<ThresholdOptions, 'maxErrorRate'>): number =>
  1 - chance <= maxErrorRate + 1e-9 ? 1 : maxErrorRate / (1 - chance);

const logistic = (similarity: number, midpoint: number): number =>
  1 / (1 + Math.exp(-STEEPNESS * (similarity - midpoint)));

const information = (weight: number): number => STEEPNESS * STEEPNESS * weight;

/** Where the likelihood is greatest: its slope falls all the way, so halving finds it. */
const mostLikely = (prior: number, observations: readonly Observation[]): number => {
  if (observations.length === 0) return prior;
  let [low, high] = [-2, 3];
  for (let step = 0; step < 40; step++) {
    const midpoint = (low + high) / 2;
    const expected = observations.reduce(
      (sum, { similarity, isRight }) => sum + logistic(similarity, midpoint) - (isRight ? 1 : 0),
      PRIOR_WEIGHT * (logistic(prior, midpoint) - 0.5),
    );
    if (expected > 0) low = midpoint;
    else high = midpoint;
  }
  return (low + high) / 2;
};
