import { createHash } from 'node:crypto';
import type { Token } from 'node-llama-cpp';
import type { Internals, RawSample, Sampler } from './engine-internals.ts';
import { hasPenalties, type Sampling, toSamplerConfig, toScorerConfig } from './sampling.ts';
import { type RankedToken, type TokenScore, toTokenScore } from './token-score.ts';

export type SampledToken = { token: Token; score: TokenScore | null };

/** So many of the most likely tokens come with a score. */
const RANKED = 20;
/** Under a grammar: what is less likely than this share of the best is not looked at. */
const GRAMMAR_MIN_P = 1e-6;
const NONE = -1;

/**
 * Draws an answer's tokens one after the other from the logits of a batch, with a seed. A score is taken beside the draw
 * and does not change it, but under a grammar, where it is of what the grammar allows.
 */
export class TokenChooser {
  readonly #internals: Internals;
  readonly #sampling: Sampling;
  readonly #grammar: object | null;
  /** Drawn so far; the caller adds to it. */
  readonly #sampled: readonly Token[];
  readonly #sampler: Sampler;
  #scorer: Sampler | null = null;
  #hasGrammarScores = false;

  /** @param grammar the engine's state of one, which takes note of each token. */
  constructor(internals: Internals, sampling: Sampling, grammar: object | null, sampled: readonly Token[]) {
    this.#internals = internals;
    this.#sampling = sampling;
    this.#grammar = grammar;
    this.#sampled = sampled;
    this.#sampler = internals.newSampler();
    this.#configure(sampling);
  }

  /** @throws any engine failure. */
  async choose(logitIndex: number, isScored: boolean): Promise<SampledToken> {
    const batch = this.#internals.context._ctx;
    if (isScored) return await (this.#grammar ? this.#scoreUnderGrammar(logitIndex) : this.#score(logitIndex));
    return { token: checked(await batch.sampleToken(logitIndex, this.#sampler)), score: null };
  }

  /** Nothing may be under way. */
  dispose(): void {
    this.#sampler.dispose();
    this.#scorer?.dispose();
  }

  async #score(logitIndex: number): Promise<SampledToken> {
    const batch = this.#internals.context._ctx;
    const isFirst = this.#scorer === null;
    this.#scorer ??= this.#internals.newSampler();
    // It takes note of draws of its own, which nobody else does.
    if (isFirst || hasPenalties(this.#sampling)) {
      this.#scorer.applyConfig(toScorerConfig(this.#sampling, [...this.#sampled]));
    }
    const [drawn, scored] = await Promise.all([
      batch.sampleToken(logitIndex, this.#sampler, false, false, [[], false, false, true, 0]),
      batch.sampleToken(logitIndex, this.#scorer, false, false, [[], false, false, false, RANKED], true),
    ]);
    const token = checked(drawn[0]);
    const best = scored[3]![1]!;
    const logTotal = Math.log(scored[4]!);
    const ranked = toPairs(scored[3]!).map(([own, logit]) => ({ token: own, logprob: logit - best - logTotal }));
    const isRanked = ranked.find((candidate) => candidate.token === token);
    // Temperature divides logits.
    const logit = () => (toPairs(drawn[3]!)[0]?.[1] ?? Number.NEGATIVE_INFINITY) * (this.#sampling.temperature || 1);
    return { token, score: toTokenScore(token, isRanked?.logprob ?? logit() - best - logTotal, ranked) };
  }

  async #scoreUnderGrammar(logitIndex: number): Promise<SampledToken> {
    const { minP, temperature } = this.#sampling;
    if (!this.#hasGrammarScores) this.#configure({ ...this.#sampling, minP: Math.max(minP, GRAMMAR_MIN_P) });
    this.#hasGrammarScores = true;
    const [drawn, probabilities] = await this.#internals.context._ctx.sampleToken(
      logitIndex,
      this.#sampler,
      true,
      false,
    );
    const token = checked(drawn);
    const ranked = atTemperatureOne(toPairs(probabilities ?? []), temperature || 1);
    const own = ranked.find((candidate) => candidate.token === token);
    return { token, score: toTokenScore(token, own?.logprob ?? Number.NEGATIVE_INFINITY, ranked.slice(0, RANKED)) };
  }

  #configure(sampling: Sampling): void {
    this.#sampler.applyConfig({
      ...toSamplerConfig(sampling, this.#seed(), [...this.#sampled]),
      ...(this.#grammar && { grammarEvaluationState: this.#grammar }),
    });
  }

  /** Each sampler needs a seed of its own, or all would choose alike; the first has the request's. */
  #seed(): number {
    const { seed } = this.#sampling;
    const count = this.#sampled.length;
    return count === 0 ? seed : createHash('sha256').update(`${seed}/${count}`).digest().readUInt32LE();
  }
}

const checked = (token: RawSample[0]): Token => {
  if (token === NONE) throw new Error('The engine chose no token.');
  return token as Token;
};

const toPairs = (flat: number[]): [token: Token, value: number][] =>
  Array.from({ length: flat.length / 2 }, (_, index) => [flat[index * 2] as Token, flat[index * 2 + 1]!]);

/** Temperature's effect on probabilities taken back; what a grammar forbids has none. In order, most likely first. */
const atTemperatureOne = (probabilities: [Token, number][], temperature: number): RankedToken[] => {
  const likely = probabilities.filter(([, probability]) => probability > 0);
  const best = Math.log(likely[0]?.[1] ?? 1);
  const logits = likely.map(([token, probability]) => ({
    token,
    logprob: (Math.log(probability) - best) * temperature,
  }));
  const logTotal = Math.log(logits.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0));
  return logits.map(({ token, logprob }) => ({ token, logprob: logprob - logTotal }));
};
