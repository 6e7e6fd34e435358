import type { Token } from 'node-llama-cpp';

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
