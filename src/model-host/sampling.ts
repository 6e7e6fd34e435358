import type { Token } from 'node-llama-cpp';

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

/** The same in the engine's words; `sampled` is read anew for each token. */
export const toEngineOptions = (sampling: Sampling, sampled: Token[]) => ({
  temperature: sampling.temperature,
  topP: sampling.topP,
  topK: orNoSampler(sampling.topK),
  minP: sampling.minP,
  ...penalties(sampling, sampled),
});

/** So many of the most likely tokens make up all of the probability that counts; sorting more would cost the most. */
const SCORED_CANDIDATES = 1024;

/**
 * The model's own distribution, with penalties but without anything else: scores are read from it, over the
 * thousand most likely tokens.
 */
export const toScoringOptions = (sampling: Sampling, sampled: Token[]) => ({
  temperature: 1,
  topP: 1,
  topK: SCORED_CANDIDATES,
  minP: 0,
  ...penalties(sampling, sampled),
});

const penalties = ({ frequencyPenalty, presencePenalty }: Sampling, sampled: Token[]) =>
  frequencyPenalty === 0 && presencePenalty === 0
    ? {}
    : {
        repeatPenalty: {
          punishTokens: () => sampled.slice(-PENALIZED_TOKENS),
          maxPunishTokens: PENALIZED_TOKENS,
          penalty: 1,
          frequencyPenalty,
          presencePenalty,
        },
      };

/** For the engine 0 means "sort the whole vocabulary" and `undefined` means 40; only `null` leaves the step out. */
const orNoSampler = (topK: number): number | undefined => (topK === 0 ? (null as unknown as undefined) : topK);
