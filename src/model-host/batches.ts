import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { inOrderOfPlaces } from './batch-order.ts';
import type { Internals } from './engine-internals.ts';

/** What one sequence does next: it reads tokens, and then one may be chosen from what the model makes of them. */
export type Step = {
  sequence: LlamaContextSequence;
  /** Of the sequence in its context. */
  place: number;
  tokens: Token[];
  /** Its reason fails a step that has not begun. */
  signal: AbortSignal;
  /**
   * Called with the place of the last one's logits in the batch; null when nothing is chosen. What it asks of the engine
   * it asks at once: that may be before the batch is computed, where the engine does one thing after the other.
   */
  choose: ((logitIndex: number) => Promise<void>) | null;
  /**
   * Called once. What it asks for at once is in the next batch.
   * @param error `undefined` when all went well.
   * @returns what can wait until the engine is at work again.
   */
  onDone(error: unknown): () => void;
};

/** A step in a batch: how many of its tokens, and where the logits are, if all of them are in it and they are wanted. */
type Part = { step: Step; amount: number; logitIndex: number | null; chosen: Promise<unknown> | null };

export type BatchesOptions = {
  internals: Internals;
  /** Whether all work of the engine is done by one thread, in the order in which it was asked for. */
  isSerial: boolean;
};

/**
 * The steps of one context's sequences, computed together: whatever has been asked for when a batch begins is in it. An
 * answer asks for its next step as soon as a token is chosen, and the token is looked at while the engine is at work.
 * Who asks a moment later, such as a request that has just come in, is waited for until the next turn of the event loop.
 * Nobody can be overtaken, and nobody waits for one that does not ask, such as an answer whose client is slow.
 */
export class Batches {
  readonly #internals: Internals;
  readonly #isSerial: boolean;
  #waiting: Step[] = [];
  #changes: (() => Promise<void>)[] = [];
  /** What waits for the engine to be at work. */
  #later: (() => void)[] = [];
  #members = 0;
  #isBusy = false;

  constructor({ internals, isSerial }: BatchesOptions) {
    this.#internals = internals;
    this.#isSerial = isSerial;
  }

  /** One more sequence takes steps from here on. @returns to be called when it has taken its last. */
  join(): () => void {
    let isMember = true;
    this.#members++;
    return () => {
      if (isMember) this.#members--;
      isMember = false;
    };
  }

  ask(step: Step): void {
    this.#waiting.push(step);
    this.#start();
  }

  /** Reads tokens without choosing one. @throws the signal's reason; any engine failure. */
  read(step: Omit<Step, 'choose' | 'onDone'>): Promise<void> {
    return new Promise((resolve, reject) => {
      const onDone = (error: unknown) => () => (error === undefined ? resolve() : reject(error));
      this.ask({ ...step, choose: null, onDone });
    });
  }

  /** Runs `work` between two batches. @throws what `work` throws. */
  between<Result>(work: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#changes.push(() => work().then(resolve, reject));
      this.#start();
    });
  }

  #start(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 || this.#changes.length > 0) {
      for (const change of this.#changes.splice(0)) await change();
      if (this.#waiting.length < this.#members) {
        this.#catchUp();
        await new Promise((resolve) => setImmediate(resolve));
      }
      this.#dropAborted();
      if (this.#waiting.length > 0) await this.#takeStep();
    }
    this.#isBusy = false;
    this.#catchUp();
    this.#internals.context._scheduleToFreeReservedThreads();
  }

  #dropAborted(): void {
    if (!this.#waiting.some(({ signal }) => signal.aborted)) return;
    const aborted = this.#waiting.filter(({ signal }) => signal.aborted);
    this.#waiting = this.#waiting.filter(({ signal }) => !signal.aborted);
    for (const step of aborted) this.#later.push(step.onDone(step.signal.reason));
  }

  async #takeStep(): Promise<void> {
    const parts = inOrderOfPlaces(this.#waiting, this.#internals.context.batchSize).map(
      ({ item, amount }): Part => ({ step: item, amount, logitIndex: null, chosen: null }),
    );
    this.#waiting = [];
    const failure = await errorOf(this.#compute(parts));
    if (failure === undefined) for (const part of parts) this.#choose(part);
    for (const { step, amount, chosen } of parts) {
      const error = (chosen && (await chosen)) ?? failure;
      if (error !== undefined || amount === step.tokens.length) this.#later.push(step.onDone(failure ?? error));
      else this.#waiting.push({ ...step, tokens: step.tokens.slice(amount) });
    }
  }

  #choose(part: Part): void {
    if (part.logitIndex !== null) part.chosen ??= errorOf(part.step.choose!(part.logitIndex));
  }

  async #compute(parts: Part[]): Promise<void> {
    const { context } = this.#internals;
    const batch = context._ctx;
    batch.initBatch(parts.reduce((sum, { amount }) => sum + amount, 0));
    for (const part of parts) {
      const { step, amount } = part;
      const { _sequenceId, _nextTokenIndex } = this.#internals.sequence(step.sequence);
      const wantsLogits = step.choose !== null && amount === step.tokens.length;
      const tokens = Uint32Array.from(amount === step.tokens.length ? step.tokens : step.tokens.slice(0, amount));
      const logits = batch.addToBatch(
        _sequenceId,
        _nextTokenIndex,
        tokens,
        Uint32Array.from(wantsLogits ? [amount - 1] : []),
      );
      if (wantsLogits) part.logitIndex = logits[0]!;
    }
    // Threads are shared with what makes vectors.
    context._reserveThreads();
    const [threads, use] = await context._threadSplitterConsumer!.getAllocationToConsume();
    try {
      batch.setThreads(threads);
      const computing = batch.decodeBatch();
      if (this.#isSerial) for (const part of parts) this.#choose(part);
      this.#catchUp();
      await computing;
    } finally {
      use.dispose();
    }
    for (const { step, amount } of parts) await this.#note(step, amount);
  }

  /** The engine's own record of what a sequence has read. */
  #note({ sequence, tokens }: Step, amount: number): Promise<void> | undefined {
    const inner = this.#internals.sequence(sequence);
    for (let index = 0; index < amount; index++) inner._contextTokens.push(tokens[index]!);
    inner._nextTokenIndex += amount;
    return inner.needsCheckpoints ? inner._takeIntervalCheckpointIfNeeded() : undefined;
  }

  #catchUp(): void {
    for (const work of this.#later.splice(0)) work();
  }
}

/** What a promise is rejected with, `undefined` when it is not; to be called before anybody could miss it. */
const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
