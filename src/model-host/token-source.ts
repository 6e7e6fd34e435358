import type { LlamaContextSequence, LlamaGrammar, LlamaModel, Token } from 'node-llama-cpp';
import type { Batches } from './batches.ts';
import type { Engine } from './engine.ts';
import type { Internals } from './engine-internals.ts';
import type { Sampling } from './sampling.ts';
import { type SampledToken, TokenChooser } from './token-chooser.ts';

export type TokenSourceOptions = {
  engine: Engine;
  model: LlamaModel;
  internals: Internals;
  batches: Batches;
  sequence: LlamaContextSequence;
  /** Of the sequence in its context. */
  place: number;
  sampling: Sampling;
  /** What the model has yet to read before the first token; at least one. */
  unread: Token[];
  /** So many of the first tokens come with a score, which costs more. */
  scoredTokens: number;
  /** The caller takes no more. */
  maxTokens: number;
  /** Whether the caller never calls `redirect` after a token, and ends early only at a token that ends the answer. */
  isSteady: boolean;
  /** Ends the wait for the engine. */
  signal: AbortSignal;
};

type Taker = { resolve: (sampled: SampledToken) => void; reject: (error: unknown) => void };

/**
 * Tokens of one answer, one by one; the caller stops, and calls `end`. From any token on a grammar can bind what
 * follows. While the caller looks at a token of a steady answer the engine is at the next, but never further ahead.
 */
export class TokenSource {
  readonly #options: TokenSourceOptions;
  readonly #sampled: Token[] = [];
  /** Chosen or given, but not yet read by the model. */
  #unread: Token[];
  #grammar: object | null = null;
  #chooser: TokenChooser | null = null;
  /** Whether the engine was asked for a token that it has not yet brought. */
  #isAsked = false;
  /** What it brought before anybody wanted it. */
  #outcome: { sampled: SampledToken } | { error: unknown } | null = null;
  #taker: Taker | null = null;
  #onIdle: (() => void) | null = null;
  #prepared: SampledToken | null = null;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
    this.#unread = options.unread;
  }

  /** @throws the signal's reason; any engine failure. */
  async next(): Promise<SampledToken> {
    const sampled = this.#prepared ?? (await this.#take());
    this.#prepared = null;
    return sampled;
  }

  /** Chooses the next token without taking it: `next` has it at once. @throws what that would. */
  async prepare(): Promise<void> {
    this.#prepared = await this.#take();
  }

  /** Goes on with other tokens in place of the last one (`null` keeps it), and from then on under the grammar. */
  async redirect(unread: Token[] | null, grammar: LlamaGrammar | null): Promise<void> {
    await this.end();
    if (unread !== null) this.#unread = unread;
    const { engine, model, internals } = this.#options;
    this.#grammar = grammar && internals.grammarState(new engine.LlamaGrammarEvaluationState({ model, grammar }));
  }

  /** Lets go of the engine, which may have to end a step first; `next` takes it up again. */
  async end(): Promise<void> {
    if (this.#isAsked) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    this.#chooser?.dispose();
    this.#chooser = null;
  }

  #take(): Promise<SampledToken> {
    const outcome = this.#outcome;
    this.#outcome = null;
    if (outcome === null) {
      const taken = new Promise<SampledToken>((resolve, reject) => (this.#taker = { resolve, reject }));
      if (!this.#isAsked) this.#ask();
      return taken;
    }
    if ('error' in outcome) return Promise.reject(outcome.error);
    this.#goOn(outcome.sampled);
    return Promise.resolve(outcome.sampled);
  }

  #ask(): void {
    const { batches, internals, sampling, sequence, place, signal, scoredTokens } = this.#options;
    const chooser = this.#chooser ?? new TokenChooser(internals, sampling, this.#grammar, this.#sampled);
    this.#chooser = chooser;
    const isScored = this.#sampled.length < scoredTokens;
    let sampled: SampledToken;
    this.#isAsked = true;
    batches.ask({
      ...{ sequence, place, signal, tokens: this.#unread },
      choose: async (logitIndex) => {
        sampled = await chooser.choose(logitIndex, isScored);
      },
      onDone: (error) => this.#settle(error === undefined ? { sampled } : { error }),
    });
  }

  #settle(outcome: { sampled: SampledToken } | { error: unknown }): () => void {
    this.#isAsked = false;
    const taker = this.#taker;
    this.#taker = null;
    if ('sampled' in outcome) {
      this.#sampled.push(outcome.sampled.token);
      this.#unread = [outcome.sampled.token];
      if (taker) this.#goOn(outcome.sampled);
    }
    if (!taker) this.#outcome = outcome;
    const onIdle = this.#onIdle;
    return () => {
      onIdle?.();
      if ('error' in outcome) taker?.reject(outcome.error);
      else taker?.resolve(outcome.sampled);
    };
  }

  #goOn({ token }: SampledToken): void {
    const { isSteady, maxTokens, model } = this.#options;
    if (isSteady && this.#sampled.length < maxTokens && !model.isEogToken(token)) this.#ask();
  }
}
