import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';

export type PoolOptions = {
  /** All of one context, in the order in which it gave them. */
  sequences: LlamaContextSequence[];
  /** How many requests may wait when every sequence is busy. */
  maxWaiting: number;
  /** How long one may wait, in milliseconds. */
  deadlineMs: number;
  clock: Clock;
  /** Runs what changes a sequence while the engine is not at work on any. */
  between: (work: () => Promise<void>) => Promise<void>;
};

/**
 * A sequence that belongs to one request until `release`; `isDamaged` makes the next user start from nothing. `place` is
 * its number among the context's sequences, from 0.
 */
export type Lease = { sequence: LlamaContextSequence; place: number; release(outcome?: { isDamaged: boolean }): void };

/** Who asks: prefixes stay within a partition (a tenant), and a session is one conversation within it. */
export type Borrower = { partition: string; session?: string | undefined };

type Slot = {
  sequence: LlamaContextSequence;
  place: number;
  isFree: boolean;
  partition: string | null;
  session: string | undefined;
  lastUsed: number;
};
type Waiter = { take: (slot: Slot) => void };

/** What an answer is taken to last before one has been seen, and the range of honest advice, in seconds. */
const FIRST_GUESS_SECONDS = 2;
const MAX_RETRY_SECONDS = 30;
/** Weight of the latest answer in the running mean of how long they last. */
const LATEST_WEIGHT = 0.2;

/**
 * The context's sequences, lent out first come, first served. A sequence keeps what it has read, so that the next
 * request with the same beginning reads only the rest; but only for the partition that filled it: another tenant
 * finds it empty, since even the time that a known prefix saves would tell what was in it.
 */
export class SequencePool {
  readonly #slots: Slot[];
  readonly #waiting: Waiter[] = [];
  readonly #options: PoolOptions;
  #uses = 0;
  #meanMs: number | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#slots = options.sequences.map((sequence, place) => ({
      sequence,
      place,
      isFree: true,
      partition: null,
      session: undefined,
      lastUsed: 0,
    }));
  }

  get facts(): { total: number; free: number; waiting: number } {
    const free = this.#slots.filter((slot) => slot.isFree).length;
    return { total: this.#slots.length, free, waiting: this.#waiting.length };
  }

  /**
   * Waits for a sequence and aligns it with the prompt: `sequence.nextTokenIndex` tokens of it need no evaluation.
   * @throws GatewayError `no_upstream_available` when too many wait or the deadline passes; the signal's reason when it
   * aborts.
   */
  async acquire(tokens: Token[], { partition, session }: Borrower, signal: AbortSignal): Promise<Lease> {
    signal.throwIfAborted();
    const slot = this.#takeBest(tokens, partition, session) ?? (await this.#wait(signal));
    const isOwn = slot.partition === partition;
    const startedAt = this.#options.clock.elapsed();
    slot.partition = partition;
    slot.session = session;
    slot.lastUsed = ++this.#uses;
    const lease: Lease = {
      sequence: slot.sequence,
      place: slot.place,
      release: ({ isDamaged } = { isDamaged: false }) => {
        if (isDamaged) slot.partition = null;
        this.#learn(this.#options.clock.elapsed() - startedAt);
        this.#giveBack(slot);
      },
    };
    try {
      await this.#options.between(async () => {
        if (!isOwn) await slot.sequence.clearHistory();
        // The last token is always evaluated again: its logits choose the first token of the answer.
        await slot.sequence.adaptStateToTokens(tokens.slice(0, -1), false);
      });
    } catch (error) {
      lease.release({ isDamaged: true });
      throw error;
    }
    return lease;
  }

  #takeBest(tokens: Token[], partition: string, session: string | undefined): Slot | undefined {
    const free = this.#slots.filter((slot) => slot.isFree).sort((a, b) => a.lastUsed - b.lastUsed);
    // Neighbours are computed together; but what was used lately is more likely to be asked for again.
    const oldest = free.slice(0, Math.ceil(free.length / 2));
    let best = oldest.find(({ place }) => this.#isBusy(place - 1) || this.#isBusy(place + 1)) ?? oldest[0];
    // A prefix counts from half of the prompt on: below, taking it would spoil another conversation for little gain.
    let longest = tokens.length / 2;
    for (const slot of free.filter((candidate) => candidate.partition === partition)) {
      // A conversation's own sequence loses nothing by going on with it, however much of its history was rewritten.
      if (session !== undefined && slot.session === session) {
        best = slot;
        break;
      }
      const shared = slot.sequence.compareContextTokens(tokens).firstDifferentIndex;
      if (shared >= longest) [best, longest] = [slot, shared];
    }
    if (best) best.isFree = false;
    return best;
  }

  #isBusy(place: number): boolean {
    return this.#slots[place]?.isFree === false;
  }

  #wait(signal: AbortSignal): Promise<Slot> {
    const { maxWaiting, deadlineMs, clock } = this.#options;
    if (this.#waiting.length >= maxWaiting) throw this.#busy(`${maxWaiting} requests are waiting already`);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { take: (slot) => settle(() => resolve(slot)) };
      const settle = (finish: () => void) => {
        cancelDeadline();
        signal.removeEventListener('abort', onAbort);
        const position = this.#waiting.indexOf(waiter);
        if (position >= 0) this.#waiting.splice(position, 1);
        finish();
      };
      const onAbort = () => settle(() => reject(signal.reason));
      const cancelDeadline = clock.after(deadlineMs, () =>
        settle(() => reject(this.#busy(`none of its sequences became free within ${deadlineMs / 1000} s`))),
      );
      signal.addEventListener('abort', onAbort);
      this.#waiting.push(waiter);
    });
  }

  #giveBack(slot: Slot): void {
    const next = this.#waiting[0];
    if (next) next.take(slot);
    else slot.isFree = true;
  }

  /** When a place in the queue should be free again: as long as the answers before it take at the present pace. */
  #busy(why: string): GatewayError {
    const rounds = (this.#waiting.length + 1) / this.#slots.length;
    const seconds = this.#meanMs === null ? FIRST_GUESS_SECONDS : Math.ceil((this.#meanMs * rounds) / 1000);
    return new GatewayError('no_upstream_available', `The local model is busy: ${why}. Try again shortly.`, {
      retryAfterSeconds: Math.max(1, Math.min(seconds, MAX_RETRY_SECONDS)),
      isRetryable: true,
    });
  }

  #learn(durationMs: number): void {
    this.#meanMs = (this.#meanMs ?? durationMs) * (1 - LATEST_WEIGHT) + durationMs * LATEST_WEIGHT;
  }
}
