import type { TokenScore } from './token-score.ts';

/** How sure the model was over its first tokens. Natural logarithms; margins are differences of probabilities. */
export type Confidence = {
  tokens: number;
  logprob: { p10: number; p25: number; p50: number; mean: number; min: number };
  margin: { p10: number; p25: number; p50: number; mean: number; min: number };
  /** In nats: here more means less sure. */
  entropy: { p50: number; p75: number; p90: number; mean: number; max: number };
};

/** @param scores at least one. */
export const toConfidence = (scores: TokenScore[]): Confidence => {
  const low = (values: number[]) => {
    const sorted = values.sort((a, b) => a - b);
    const [p10, p25, p50] = [0.1, 0.25, 0.5].map((share) => quantile(sorted, share)) as [number, number, number];
    return { p10, p25, p50, mean: mean(sorted), min: sorted[0]! };
  };
  const entropies = scores.map(({ entropy }) => entropy).sort((a, b) => a - b);
  return {
    tokens: scores.length,
    logprob: low(scores.map(({ logprob }) => logprob)),
    margin: low(scores.map(({ margin }) => margin)),
    entropy: {
      p50: quantile(entropies, 0.5),
      p75: quantile(entropies, 0.75),
      p90: quantile(entropies, 0.9),
      mean: mean(entropies),
      max: entropies.at(-1)!,
    },
  };
};

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Linear between neighbours. */
const quantile = (sorted: number[], share: number): number => {
  const position = share * (sorted.length - 1);
  const low = sorted[Math.floor(position)]!;
  const high = sorted[Math.ceil(position)]!;
  return low + (high - low) * (position - Math.floor(position));
};
