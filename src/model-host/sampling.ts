import { createHash } from 'node:crypto';
import type { LlamaContextSequence, Token } from 'node-llama-cpp';

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

/** A token with its natural-log probability, and the most likely tokens at its place, most likely first. */
export type ScoredToken = { token: Token; logprob: number; alternatives: { token: Token; logprob: number }[] };
export type SampledToken = { token: Token; score: ScoredToken | null };

/** The penalties look back so far over the answer; further would cost more with each token. */
const PENALIZED_TOKENS = 1024;

/**
 * Evaluates `lastToken` and then yields one token after the other, for ever; the caller stops.
 * @param topLogprobs `null` leaves the scores out, which is much faster; 0 to 20 gives so many alternatives. Scores
 * describe the distribution that was sampled from: the model's own at temperature 1 or 0 without top_p and penalties.
 */
export const sampleTokens = (
  sequence: LlamaContextSequence,
  lastToken: Token,
  sampling: Sampling,
  topLogprobs: number | null,
): AsyncGenerator<SampledToken> =>
  topLogprobs === null
    ? sampleFast(sequence, lastToken, sampling)
    : sampleScored(sequence, lastToken, sampling, topLogprobs);

async function* sampleFast(sequence: LlamaContextSequence, lastToken: Token, sampling: Sampling) {
  const sampled: Token[] = [];
  const options = { ...engineOptions(sampling, sampled), seed: sampling.seed, yieldEogToken: true };
  for await (const token of sequence.evaluate([lastToken], options)) {
    sampled.push(token);
    yield { token, score: null };
  }
}

async function* sampleScored(
  sequence: LlamaContextSequence,
  lastToken: Token,
  sampling: Sampling,
  topLogprobs: number,
): AsyncGenerator<SampledToken> {
  const sampled: Token[] = [];
  for (let token = lastToken; ; sampled.push(token)) {
    const logits = { filter: { tokens: [], includeTop: Math.max(1, topLogprobs), includeSelected: true } };
    // Each call starts a sampler of its own, so each needs a seed of its own.
    const seed = createHash('sha256').update(`${sampling.seed}/${sampled.length}`).digest().readUInt32LE();
    const options = { ...engineOptions(sampling, sampled), seed };
    const generateNext = { token: true, totalLogitWeight: true, logits, options };
    const next = (await sequence.controlledEvaluate([[token, { generateNext }]]))[0]?.next;
    if (next?.token == null || !next.logits) throw new Error('The engine chose no token.');
    token = next.token;
    yield { token, score: toScore(token, next.logits, next.totalLogitWeight!, topLogprobs) };
  }
}

const toScore = (token: Token, logits: Map<Token, number>, totalWeight: number, topLogprobs: number): ScoredToken => {
  const highest = Math.max(...logits.values());
  const logprob = (logit: number) => logit - highest - Math.log(totalWeight);
  const ranked = [...logits].map(([candidate, logit]) => ({ token: candidate, logprob: logprob(logit) }));
  ranked.sort((a, b) => b.logprob - a.logprob);
  return { token, logprob: logprob(logits.get(token)!), alternatives: ranked.slice(0, topLogprobs) };
};

const engineOptions = (sampling: Sampling, sampled: Token[]) => ({
  temperature: sampling.temperature,
  topP: sampling.topP,
  topK: sampling.topK,
  minP: sampling.minP,
  ...((sampling.frequencyPenalty !== 0 || sampling.presencePenalty !== 0) && {
    repeatPenalty: {
      punishTokens: () => sampled.slice(-PENALIZED_TOKENS),
      maxPunishTokens: PENALIZED_TOKENS,
      penalty: 1,
      frequencyPenalty: sampling.frequencyPenalty,
      presencePenalty: sampling.presencePenalty,
    },
  }),
});
