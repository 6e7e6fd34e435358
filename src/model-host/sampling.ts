import type { Token } from 'node-llama-cpp';
import type { SamplerConfig } from './engine-internals.ts';

/** How the next token is chosen: OpenAI's parameters, with OpenAI's meaning. */
export type Sampling = {
  temperature: number;
  topP: number;
  topK: number;
  minP: number;
  frequencyPenalty: number;
  presencePenalty: number;
  seed: number;
};

/** The penalties look back so far over the answer; further would cost more with each token. */
const PENALIZED_TOKENS = 1024;

/** The same in the engine's words. @param sampled the answer so far, where a penalty asks for it. */
export const toSamplerConfig = (sampling: Sampling, seed: number, sampled: Token[]): SamplerConfig => ({
  temperature: sampling.temperature,
  topP: sampling.topP,
  // For the engine 0 means "sort the whole vocabulary"; only without it the step is left out.
  ...(sampling.topK > 0 && { topK: sampling.topK }),
  minP: sampling.minP,
  seed,
  ...penalties(sampling, sampled),
});

/** So many of the most likely tokens make up all of the probability that counts; sorting more would cost the most. */
const SCORED_CANDIDATES = 1024;

/** The model's own distribution over its most likely tokens, with penalties but without anything else. */
export const toScorerConfig = (sampling: Sampling, sampled: Token[]): SamplerConfig => ({
  temperature: 1,
  topP: 1,
  topK: SCORED_CANDIDATES,
  minP: 0,
  seed: 0,
  ...penalties(sampling, sampled),
});

export const hasPenalties = ({ frequencyPenalty, presencePenalty }: Sampling): boolean =>
  frequencyPenalty !== 0 || presencePenalty !== 0;

const penalties = (sampling: Sampling, sampled: Token[]) =>
  hasPenalties(sampling) && {
    repeatPenalty: 1,
    repeatPenaltyMaxTokens: PENALIZED_TOKENS,
    repeatPenaltyTokens: Uint32Array.from(sampled.slice(-PENALIZED_TOKENS)),
    repeatPenaltyFrequencyPenalty: sampling.frequencyPenalty,
    repeatPenaltyPresencePenalty: sampling.presencePenalty,
  };
