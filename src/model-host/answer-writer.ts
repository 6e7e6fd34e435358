import type { LlamaGrammar, LlamaModel, Token } from 'node-llama-cpp';
import type { AnswerPlan } from './answer-plan.ts';
import { type AnswerDelta, AnswerReader, type ReadResult, type Turn } from './answer-reader.ts';
import { type Confidence, toConfidence } from './confidence.ts';
import { ScoreQueue } from './score-queue.ts';
import type { TokenScore } from './token-score.ts';
import type { TokenSource } from './token-source.ts';
import { TokenText } from './token-text.ts';

export type WriterOptions = {
  plan: AnswerPlan;
  /** At least 1; already cut to what the context has left. */
  maxTokens: number;
  stops: string[];
  /** Whether each token of the content comes with its score. */
  wantsScores: boolean;
  /** From how many of the first tokens confidence is drawn; 0 for none. */
  confidenceTokens: number;
};

export type FinishReason = 'stop' | 'length' | 'tool_calls';

/** One token's part of an answer. Counts are of tokens so far, without the one that ends the answer. */
export type Step = {
  deltas: AnswerDelta[];
  /** Of tokens whose text the deltas show. */
  scores: TokenScore[];
  /** Once, when enough tokens have been seen, or with the last step. */
  confidence: Confidence | null;
  /** In the last step. */
  finish: FinishReason | null;
  completionTokens: number;
  reasoningTokens: number;
};

/** What models write between a thought and the answer; written for them where a grammar begins. */
const AFTER_THOUGHT = '\n\n';

/** Turns tokens into an answer, one step for each token that shows something; ends with the step that has `finish`. */
export class AnswerWriter {
  readonly #model: LlamaModel;
  readonly #source: TokenSource;
  readonly #options: WriterOptions;
  readonly #reader: AnswerReader;
  readonly #text: TokenText;
  readonly #queue = new ScoreQueue();
  readonly #first: TokenScore[] = [];
  #hasConfidence = false;
  #hasCalls = false;
  #completionTokens = 0;
  #reasoningTokens = 0;

  constructor(model: LlamaModel, source: TokenSource, options: WriterOptions) {
    const { plan } = options;
    this.#model = model;
    this.#source = source;
    this.#options = options;
    const marked = [...(plan.calls?.syntax.markers ?? []).map(({ text }) => text), ...Object.values(plan.marks ?? {})];
    this.#text = new TokenText(model, marked);
    this.#reader = new AnswerReader({
      stops: options.stops,
      marks: plan.marks,
      syntax: plan.calls?.syntax ?? null,
      startsIn: plan.startsIn === 'reasoning' ? 'reasoning' : 'content',
    });
    if (plan.startsIn === 'calls') this.#reader.turn({ to: 'calls', marker: plan.calls!.syntax.markers[0]! });
  }

  /** Resolves when the model has read the prompt and the first token is chosen; to be called before `steps`. */
  async begin(): Promise<void> {
    if (this.#options.plan.startsIn !== 'reasoning') await this.#source.redirect(null, this.#grammarAtStart());
    await this.#source.prepare();
  }

  async *steps(signal: AbortSignal): AsyncGenerator<Step> {
    const { maxTokens } = this.#options;
    while (true) {
      const { token, score } = await this.#source.next();
      signal.throwIfAborted();
      const isEnd = this.#model.isEogToken(token);
      const isFull = !isEnd && this.#completionTokens + 1 === maxTokens;
      if (!isEnd) this.#count(score);
      const piece = isEnd ? this.#text.flush() : this.#text.push(token) + (isFull ? this.#text.flush() : '');
      if (score && !isEnd && this.#wantsScore()) this.#queue.push(score, piece);
      const { deltas, isStopped } = await this.#read(piece, isEnd || isFull);
      const isLast = isEnd || isFull || isStopped;
      if (isLast && !isStopped) deltas.push(...this.#reader.flush());
      const step = this.#toStep(deltas, isLast, isStopped);
      if (isLast) step.finish = isFull && !isStopped ? 'length' : this.#hasCalls ? 'tool_calls' : 'stop';
      if (isLast || step.deltas.length > 0 || step.scores.length > 0 || step.confidence) yield step;
      if (isLast) return;
    }
  }

  /** Thoughts and calls come without. */
  #wantsScore(): boolean {
    return this.#options.wantsScores && (this.#reader.state === 'content' || this.#reader.state === 'opening');
  }

  #count(score: TokenScore | null): void {
    this.#completionTokens++;
    if (this.#reader.state === 'reasoning') this.#reasoningTokens++;
    if (score && this.#first.length < this.#options.confidenceTokens) this.#first.push(score);
  }

  /** Reads a piece, and what is left of it after each turn that no grammar takes over. */
  async #read(piece: string, isLast: boolean): Promise<{ deltas: AnswerDelta[]; isStopped: boolean }> {
    const deltas: AnswerDelta[] = [];
    let rest = piece;
    while (true) {
      const result: ReadResult = this.#reader.push(rest);
      deltas.push(...result.deltas);
      this.#queue.skip(result.dropped);
      if (!result.turn) return { deltas, isStopped: result.isStopped };
      this.#queue.clear();
      const turn = this.#forced(result.turn);
      this.#reader.turn(turn);
      rest = result.rest;
      const grammar = this.#grammarFor(turn);
      if (isLast || (grammar === null && turn === result.turn)) continue;
      const read = piece.slice(0, piece.length - rest.length);
      await this.#source.redirect(this.#tokensAt(turn, result.turn, rest === '' ? null : read), grammar);
      return { deltas, isStopped: false };
    }
  }

  /** After a thought, a call that must be is begun for the model. */
  #forced(turn: Turn): Turn {
    const calls = this.#options.plan.calls;
    return turn.to === 'content' && calls?.isForced ? { to: 'calls', marker: calls.syntax.markers[0]! } : turn;
  }

  /**
   * What the model is to read in place of its last token: the part of it that belongs to the mark, and what is written
   * for it. @param read null when the whole token belongs to the mark. @returns null to leave the token as it is.
   */
  #tokensAt(turn: Turn, reported: Turn, read: string | null): Token[] | null {
    const afterThought = reported.to === 'content' ? AFTER_THOUGHT : '';
    const forced = turn !== reported && turn.to === 'calls' ? turn.marker.text : '';
    if (read === null && afterThought === '' && forced === '') return null;
    const kept = read === null ? this.#text.lastTokens() : this.#model.tokenize(read, true);
    return [...kept, ...this.#model.tokenize(afterThought + forced, true)];
  }

  #grammarAtStart(): LlamaGrammar | null {
    const { startsIn, calls, contentGrammar } = this.#options.plan;
    return startsIn === 'calls' ? calls!.grammars.get(calls!.syntax.markers[0]!)! : contentGrammar;
  }

  #grammarFor(turn: Turn): LlamaGrammar | null {
    const { calls, contentGrammar } = this.#options.plan;
    if (turn.to === 'calls') return calls?.grammars.get(turn.marker) ?? null;
    return turn.to === 'content' ? contentGrammar : null;
  }

  #toStep(deltas: AnswerDelta[], isLast: boolean, isStopped: boolean): Step {
    const { confidenceTokens } = this.#options;
    const shown = deltas.flatMap((delta) => (delta.type === 'content' ? [delta.text] : [])).join('');
    this.#hasCalls ||= deltas.some(({ type }) => type === 'call-start');
    const isKnown = this.#first.length === confidenceTokens || (isLast && this.#first.length > 0);
    const confidence = confidenceTokens > 0 && isKnown && !this.#hasConfidence ? toConfidence(this.#first) : null;
    this.#hasConfidence ||= confidence !== null;
    return {
      deltas,
      scores: this.#queue.take(shown, isLast && !isStopped),
      confidence,
      finish: null,
      completionTokens: this.#completionTokens,
      reasoningTokens: this.#reasoningTokens,
    };
  }
}
