import type { CertaintyFigure, ConfidenceTable } from '../contract/confidence-table.ts';

/**
 * How sure a model was over its first tokens: quantiles of their probabilities and of their margins over the runner-up.
 * `probability.mean` is the geometric mean, the inverse of the perplexity.
 */
export type Certainty = Record<CertaintyFigure, number>;

/** Without a calibration the figure itself counts: quantiles tell more than means (arXiv 2404.10136). */
export const UNCALIBRATED: ConfidenceTable = {
  figure: 'probability.p25',
  points: [
    [0, 0],
    [1, 1],
  ],
};

/** The probability that the answer is good, by a table. */
export const confidenceOf = (certainty: Certainty, { figure, points }: ConfidenceTable): number => {
  const x = certainty[figure];
  const next = points.findIndex(([at]) => at >= x);
  if (next < 0) return points.at(-1)?.[1] ?? 0;
  const [x1, y1] = points[next] as [number, number];
  const before = points[next - 1];
  if (before === undefined || x1 === before[0]) return y1;
  return before[1] + ((y1 - before[1]) * (x - before[0])) / (x1 - before[0]);
};

/** One generated token: its natural-log probability, and how far it stands above the runner-up, as probabilities. */
export type TokenCertainty = { logprob: number; margin: number };

/** @param tokens at least one. */
export const toCertainty = (tokens: readonly TokenCertainty[]): Certainty => {
  const logprobs = tokens.map(({ logprob }) => logprob).sort((a, b) => a - b);
  const margins = tokens.map(({ margin }) => margin).sort((a, b) => a - b);
  return {
    'probability.p10': Math.exp(quantile(logprobs, 0.1)),
    'probability.p25': Math.exp(quantile(logprobs, 0.25)),
    'probability.p50': Math.exp(quantile(logprobs, 0.5)),
    'probability.mean': Math.exp(logprobs.reduce((sum, logprob) => sum + logprob, 0) / logprobs.length),
    'margin.p10': quantile(margins, 0.1),
    'margin.p25': quantile(margins, 0.25),
    'margin.p50': quantile(margins, 0.5),
  };
};

/** Linear between neighbours. */
const quantile = (sorted: number[], share: number): number => {
  const position = share * (sorted.length - 1);
  const low = sorted[Math.floor(position)] ?? 0;
  const high = sorted[Math.ceil(position)] ?? low;
  return low + (high - low) * (position - Math.floor(position));
};
