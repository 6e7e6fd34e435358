import { createHash } from 'node:crypto';
import type {
  LlamaContextSequence,
  LlamaGrammar,
  LlamaGrammarEvaluationState,
  LlamaModel,
  Token,
} from 'node-llama-cpp';
import { toPriority } from './batch-order.ts';
import type { Engine } from './engine.ts';
import type { Lockstep } from './lockstep.ts';
import { type Sampling, toEngineOptions, toScoringOptions } from './sampling.ts';
import { pickToken, type RankedToken, type TokenScore, toTokenScore } from './token-score.ts';

export type SampledToken = { token: Token; score: TokenScore | null };

type Mode = 'fast' | 'scored';
type Steps = AsyncIterator<SampledToken, void>;

export type TokenSourceOptions = {
  engine: Engine;
  model: LlamaModel;
  sequence: LlamaContextSequence;
  /** Of the sequence in its context. */
  place: number;
  lockstep: Lockstep;
  sampling: Sampling;
  /** What the model has yet to read before the first token; at least one. */
  unread: Token[];
  /** Ends the wait for the engine. */
  signal: AbortSignal;
};

/** So many of the most likely tokens come with a score. */
const RANKED = 20;
/** Under a grammar: what is less likely than this share of the best is not looked at. */
const GRAMMAR_MIN_P = 1e-6;

/**
 * Tokens of one answer, one by one and for ever; the caller stops, and calls `end`. Each may be asked for with its
 * score, which costs more, and from any token on a grammar can bind what follows.
 */
export class TokenSource {
  readonly #options: TokenSourceOptions;
  readonly #sampled: Token[] = [];
  /** Chosen or given, but not yet read by the model. */
  #unread: Token[];
  #grammar: LlamaGrammarEvaluationState | null = null;
  #steps: Steps | null = null;
  #mode: Mode = 'fast';
  /** Chosen, and not yet taken by `next`. */
  #prepared: SampledToken | null = null;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
    this.#unread = options.unread;
  }

  /** @throws the signal's reason; any engine failure. */
  async next(mode: Mode): Promise<SampledToken> {
    const sampled = this.#prepared ?? (await this.#ask(mode));
    this.#prepared = null;
    this.#sampled.push(sampled.token);
    this.#unread = [sampled.token];
    return sampled;
  }

  /** Chooses the next token without taking it: `next` has it at once. @throws what that would. */
  async prepare(mode: Mode): Promise<void> {
    this.#prepared = await this.#ask(mode);
  }

  /** Goes on with other tokens in place of the last one (`null` keeps it), and from then on under the grammar. */
  async redirect(unread: Token[] | null, grammar: LlamaGrammar | null): Promise<void> {
    await this.end();
    if (unread !== null) this.#unread = unread;
    const { engine, model } = this.#options;
    this.#grammar = grammar && new engine.LlamaGrammarEvaluationState({ model, grammar });
  }

  /** Lets go of the engine; `next` takes it up again. */
  async end(): Promise<void> {
    await this.#steps?.return?.();
    this.#steps = null;
  }

  async #ask(mode: Mode): Promise<SampledToken> {
    if (mode !== this.#mode) await this.end();
    this.#mode = mode;
    this.#steps ??= this.#begin(mode);
    const steps = this.#steps;
    const { signal, lockstep } = this.#options;
    const { value } = await lockstep.step(async () => {
      signal.throwIfAborted();
      return steps.next();
    });
    if (!value) throw new Error('The engine chose no token.');
    return value;
  }

  #begin(mode: Mode): Steps {
    if (mode === 'fast') return this.#fast();
    return this.#grammar ? this.#scoredUnderGrammar(this.#grammar) : this.#scored();
  }

  async *#fast(): AsyncGenerator<SampledToken, void> {
    const options = { ...this.#engineOptions(), ...(this.#grammar && { grammarEvaluationState: this.#grammar }) };
    const { sequence } = this.#options;
    // Not `evaluate`, which does the same in one more generator.
    for await (const { token } of sequence.evaluateWithMetadata(this.#unread, {}, options))
      yield { token, score: null };
  }

  /** The engine draws from the model's own distribution; where the request asks for another, its draw is replaced. */
  async *#scored(): AsyncGenerator<SampledToken, void> {
    const { sampling, sequence } = this.#options;
    const { temperature, topP, topK, minP } = sampling;
    const isPlain = temperature === 1 && topP === 1 && topK === 0 && minP === 0;
    const options = { ...toScoringOptions(sampling, this.#sampled), ...this.#common() };
    const steps = sequence.evaluateWithMetadata(this.#unread, { probabilities: true }, options);
    try {
      for (let step = await steps.next(); !step.done; step = await steps.next(this.#unread[0])) {
        const ranked = rank(step.value.probabilities);
        const token = isPlain ? step.value.token : pickToken(ranked, sampling, this.#seed() / 2 ** 32);
        yield { token, score: scoreOf(token, ranked) };
      }
    } finally {
      await steps.return();
    }
  }

  /** Here the engine's draw must stand, since its grammar has taken note of it. */
  async *#scoredUnderGrammar(grammar: LlamaGrammarEvaluationState): AsyncGenerator<SampledToken, void> {
    const { sampling, sequence } = this.#options;
    const { temperature, minP } = sampling;
    const options = { ...this.#engineOptions(), minP: Math.max(minP, GRAMMAR_MIN_P), grammarEvaluationState: grammar };
    for await (const { token, probabilities } of sequence.evaluateWithMetadata(
      this.#unread,
      { probabilities: true },
      options,
    )) {
      yield { token, score: scoreOf(token, atTemperatureOne(probabilities, temperature || 1)) };
    }
  }

  #engineOptions() {
    return { ...toEngineOptions(this.#options.sampling, this.#sampled), ...this.#common() };
  }

  #common() {
    return { seed: this.#seed(), yieldEogToken: true, evaluationPriority: toPriority(this.#options.place) };
  }

  /** Each start of a sampler needs a seed of its own, or all would choose alike; the first has the request's. */
  #seed(): number {
    const { seed } = this.#options.sampling;
    const count = this.#sampled.length;
    return count === 0 ? seed : createHash('sha256').update(`${seed}/${count}`).digest().readUInt32LE();
  }
}

const scoreOf = (token: Token, ranked: RankedToken[]): TokenScore => {
  const own = ranked.find((candidate) => candidate.token === token);
  return toTokenScore(token, own?.logprob ?? Number.NEGATIVE_INFINITY, ranked.slice(0, RANKED));
};

/** The engine's map is in order, most likely first; what a grammar forbids has no probability. */
const rank = (probabilities: Map<Token, number>): RankedToken[] =>
  Array.from(probabilities, ([token, probability]) => ({ token, logprob: Math.log(probability) }));

/** Temperature divides logits, so its effect on probabilities can be taken back. */
const atTemperatureOne = (probabilities: Map<Token, number>, temperature: number): RankedToken[] => {
  const likely = rank(probabilities).filter(({ logprob }) => logprob > Number.NEGATIVE_INFINITY);
  const best = likely[0]?.logprob ?? 0;
  const logits = likely.map(({ token, logprob }) => ({ token, logprob: (logprob - best) * temperature }));
  const logTotal = Math.log(logits.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0));
  return logits.map(({ token, logprob }) => ({ token, logprob: logprob - logTotal }));
};
