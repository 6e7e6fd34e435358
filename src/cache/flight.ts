import type { GatewayError } from '../contract/errors.ts';
import { FoldedAnswer } from '../contract/fold-chunks.ts';
import type { TokenCounts } from '../contract/ledger-entry.ts';
import type { ChatCompletion } from '../contract/openai.ts';
import type { StreamPart } from '../contract/stream-part.ts';
import type { CachedAnswer, StoredAnswer } from './cache-store.ts';
import { PartBuffer } from './part-buffer.ts';
import type { SimilarAnswer } from './semantic-look-up.ts';

/** An answer on its way, and who gives it. `recorder` tells its tokens, all of them once it has ended. */
export type FlyingAnswer = {
  candidate: Pick<CachedAnswer, 'tier' | 'upstream' | 'model'>;
  recorder: { tokens: TokenCounts };
} & (
  | { kind: 'plain'; completion: ChatCompletion; text: string }
  | { kind: 'stream'; parts: AsyncIterable<StreamPart[]> }
);

/** A complete answer as it is to be kept. */
export type Kept = Omit<CachedAnswer, 'storedAt'>;

/** What a follower gets: what was found in the cache, or the answer that is being fetched. */
export type Landing =
  | { kind: 'stored'; answer: StoredAnswer; similar: SimilarAnswer | null }
  | { kind: 'flying'; answer: FlyingAnswer };

/**
 * One upstream call for all identical requests that are under way: the first one leads, the others follow. The call goes
 * on while anybody is left who wants its answer, the leader or not. Each reads at its own pace: the upstream is read as
 * fast as the fastest of them, and what it has said is held for the others, up to `MAX_FLIGHT_BYTES`.
 */
export class Flight {
  readonly #controller = new AbortController();
  readonly #onEnd: () => void;
  readonly #landing = Promise.withResolvers<Landing>();
  readonly #ended = Promise.withResolvers<void>();
  #passengers = 0;
  #isOver = false;
  #hasTaken = false;
  #keep: (answer: Kept | null) => Promise<unknown> = async () => {};

  /** @param onEnd called once, when nobody may join any more. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    // Nobody may be following.
    this.#landing.promise.catch(() => {});
  }

  /** Aborts when everybody has left. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Resolves when the upstream's call is over and what came of it is kept. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Counts somebody in until their signal aborts. */
  board(signal: AbortSignal): void {
    this.#passengers++;
    const leave = () => {
      if (--this.#passengers > 0 || this.#isOver) return;
      this.#onEnd();
      this.#controller.abort(signal.reason);
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  }

  /**
   * For followers: resolves when there is something to read.
   * @throws GatewayError of the leader, or the reason of `signal`.
   */
  async follow(signal: AbortSignal): Promise<Landing> {
    this.board(signal);
    return Promise.race([this.#landing.promise, rejectOn(signal)]);
  }

  /** For the leader: says what is to be done with the complete answer, or with null when there is none. */
  keepBy(keep: (answer: Kept | null) => Promise<unknown>): void {
    this.#keep = keep;
  }

  /** The leader found it in the cache. */
  found(answer: StoredAnswer): void {
    this.#landing.resolve({ kind: 'stored', answer, similar: null });
    this.#end();
  }

  /** The leader found the answer to a question that means the same; what it was to fetch, others may. */
  async foundSimilar(similar: SimilarAnswer): Promise<void> {
    this.#landing.resolve({ kind: 'stored', answer: similar.answer, similar });
    this.#onEnd();
    await this.#keep(null);
    this.#end();
  }

  /** The leader got nothing. Without effect once it has got an answer: how that ends is in the answer. */
  async failed(error: GatewayError): Promise<void> {
    if (this.#isOver || this.#hasTaken) return;
    this.#landing.reject(error);
    this.#onEnd();
    await this.#keepSafely(null);
    this.#end();
  }

  /** The leader got an answer. @returns the leader's own view of it, to be read to its end or left. */
  async took<Answer extends FlyingAnswer>(answer: Answer): Promise<Answer> {
    this.#hasTaken = true;
    const { candidate, recorder } = answer;
    const toKeep = (completion: ChatCompletion | null): Kept | null => {
      const { tier, upstream, model } = candidate;
      return completion && { completion, tokens: recorder.tokens, tier, upstream, model };
    };
    if (answer.kind === 'plain') {
      await this.#keepSafely(toKeep(answer.completion));
      this.#landing.resolve({ kind: 'flying', answer });
      this.#end();
      return answer;
    }
    const folded = new FoldedAnswer();
    const buffer = new PartBuffer(answer.parts, {
      sizeOf,
      onParts: (parts) => {
        for (const { chunk } of parts) folded.add(chunk);
      },
      onFull: this.#onEnd,
      onEnd: async (isComplete) => {
        this.#onEnd();
        await this.#keepSafely(toKeep(isComplete ? folded.completion() : null));
        this.#end();
      },
    });
    if (this.signal.aborted) buffer.leave();
    else this.signal.addEventListener('abort', () => buffer.leave(), { once: true });
    const parts = { [Symbol.asyncIterator]: () => buffer.read() };
    this.#landing.resolve({ kind: 'flying', answer: { kind: 'stream', candidate, recorder, parts } });
    return { ...answer, parts: buffer.read() };
  }

  /** An answer that cannot be kept is an answer all the same. */
  async #keepSafely(answer: Kept | null): Promise<void> {
    await this.#keep(answer).catch(() => {});
  }

  #end(): void {
    this.#isOver = true;
    this.#onEnd();
    this.#ended.resolve();
  }
}

const sizeOf = (batch: StreamPart[]): number =>
  batch.reduce((sum, { text, native }) => sum + text.length + (native?.length ?? 0), 0);

/** Rejects with the reason of a signal when it aborts. */
export const rejectOn = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
