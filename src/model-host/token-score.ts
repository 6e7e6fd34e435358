import type { Token } from 'node-llama-cpp';
import type { Sampling } from './sampling.ts';

export type RankedToken = { token: Token; logprob: number };

/**
 * A token with its natural-log probability; the most likely tokens at its place, most likely first; by how much the
 * first of them is more probable than the second; and the entropy in nats, what is not ranked counted as one outcome.
 */
export type TokenScore = RankedToken & { ranked: RankedToken[]; margin: number; entropy: number };

/** @param ranked at least one, most likely first. */
export const toTokenScore = (token: Token, logprob: number, ranked: RankedToken[]): TokenScore => {
  const probabilities = ranked.map((candidate) => Math.exp(candidate.logprob));
  const rest = Math.max(0, 1 - probabilities.reduce((sum, probability) => sum + probability, 0));
  const entropy = [...probabilities, rest].reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
  return { token, logprob, ranked, margin: probabilities[0]! - (probabilities[1] ?? 0), entropy };
};

/**
 * Chooses among the ranked tokens as the engine would: top_k, top_p and min_p on the model's own distribution, then
 * temperature. @param chance 0 to 1, below 1.
 */
export const pickToken = (ranked: RankedToken[], sampling: Sampling, chance: number): Token => {
  if (sampling.temperature === 0) return ranked[0]!.token;
  const { topK, topP, minP, temperature } = sampling;
  const best = ranked[0]!.logprob;
  let mass = 0;
  const kept = ranked.filter(({ logprob }, index) => {
    const isKept = index === 0 || ((topK === 0 || index < topK) && mass < topP && logprob - best >= Math.log(minP));
    mass += Math.exp(logprob);
    return isKept;
  });
  const weights = kept.map(({ logprob }) => Math.exp((logprob - best) / temperature));
  let left = chance * weights.reduce((sum, weight) => sum + weight, 0);
  const index = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return kept.at(index)!.token;
};
