import type { ChatCompletionChunk } from '../contract/openai.ts';
import type { Certainty, TokenCertainty } from './confidence.ts';

type WireLogprobs = { content?: { logprob: number; top_logprobs?: { logprob: number }[] }[] | null };

/**
 * The certainty of each token of a chunk, from OpenAI's `logprobs`; empty where the upstream sent none. Without a
 * second alternative the margin is counted against what the first leaves over.
 */
export const tokenCertainty = (chunk: ChatCompletionChunk): TokenCertainty[] =>
  chunk.choices.flatMap((choice) => {
    const { content } = (choice['logprobs'] ?? {}) as WireLogprobs;
    return (content ?? []).map(({ logprob, top_logprobs = [] }) => {
      const [first, second] = top_logprobs.map((alternative) => Math.exp(alternative.logprob)).sort((a, b) => b - a);
      const top = first ?? Math.exp(logprob);
      return { logprob, margin: top - (second ?? 1 - top) };
    });
  });

type Quantiles = { p10: number; p25: number; p50: number; mean: number };
type WireConfidence = { confidence?: { logprob: Quantiles; margin: Quantiles } };

/** The figures that our own model host sends in `rightsize.confidence` of one chunk; null in all others. */
export const toldCertainty = (chunk: ChatCompletionChunk): Certainty | null => {
  const { confidence } = (chunk['rightsize'] ?? {}) as WireConfidence;
  if (confidence === undefined) return null;
  const { logprob, margin } = confidence;
  return {
    'probability.p10': Math.exp(logprob.p10),
    'probability.p25': Math.exp(logprob.p25),
    'probability.p50': Math.exp(logprob.p50),
    'probability.mean': Math.exp(logprob.mean),
    'margin.p10': margin.p10,
    'margin.p25': margin.p25,
    'margin.p50': margin.p50,
  };
};

/** The chunk without what we asked for and the client did not. */
export const withoutCertainty = (chunk: ChatCompletionChunk): ChatCompletionChunk => {
  const { rightsize: _told, ...rest } = chunk;
  return { ...rest, choices: chunk.choices.map((choice) => ({ ...choice, logprobs: null })) } as ChatCompletionChunk;
};
