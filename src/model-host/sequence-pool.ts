import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';

export type PoolOptions = {
  sequences: LlamaContextSequence[];
  /** How many requests may wait when every sequence is busy. */
  maxWaiting: number;
  /** How long one may wait, in milliseconds. */
  deadlineMs: number;
  clock: Clock;
};

/** A sequence that belongs to one request until `release`; `isDamaged` makes the next user start from nothing. */
export type Lease = { sequence: LlamaContextSequence; release(outcome?: { isDamaged: boolean }): void };

type Slot = { sequence: LlamaContextSequence; isFree: boolean; partition: string | null; lastUsed: number };
type Waiter = { tokens: Token[]; partition: string; take: (slot: Slot) => void };

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

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#slots = options.sequences.map((sequence) => ({ sequence, isFree: true, partition: null, lastUsed: 0 }));
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
  async acquire(tokens: Token[], partition: string, signal: AbortSignal): Promise<Lease> {
    signal.throwIfAborted();
    const slot = this.#takeBest(tokens, partition) ?? (await this.#wait(tokens, partition, signal));
    const isOwn = slot.partition === partition;
    slot.partition = partition;
    slot.lastUsed = ++this.#uses;
    const lease: Lease = {
      sequence: slot.sequence,
      release: ({ isDamaged } = { isDamaged: false }) => {
        if (isDamaged) slot.partition = null;
        this.#giveBack(slot);
      },
    };
    try {
      if (!isOwn) await slot.sequence.clearHistory();
      // The last token is always evaluated again: its logits choose the first token of the answer.
      await slot.sequence.adaptStateToTokens(tokens.slice(0, -1), false);
    } catch (error) {
      lease.release({ isDamaged: true });
      throw error;
    }
    return lease;
  }

  #takeBest(tokens: Token[], partition: string): Slot | undefined {
    const free = this.#slots.filter((slot) => slot.isFree).sort((a, b) => a.lastUsed - b.lastUsed);
    // A prefix counts from half of the prompt on: below, taking it would spoil another conversation for little gain.
    let best = free[0];
    let longest = tokens.length / 2;
    for (const slot of free.filter((candidate) => candidate.partition === partition)) {
      const shared = slot.sequence.compareContextTokens(tokens).firstDifferentIndex;
      if (shared >= longest) [best, longest] = [slot, shared];
    }
    if (best) best.isFree = false;
    return best;
  }

  #wait(tokens: Token[], partition: string, signal: AbortSignal): Promise<Slot> {
    const { maxWaiting, deadlineMs, clock } = this.#options;
    if (this.#waiting.length >= maxWaiting) throw busy(`${maxWaiting} requests are waiting already`);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { tokens, partition, take: (slot) => settle(() => resolve(slot)) };
      const settle = (finish: () => void) => {
        cancelDeadline();
        signal.removeEventListener('abort', onAbort);
        const position = this.#waiting.indexOf(waiter);
        if (position >= 0) this.#waiting.splice(position, 1);
        finish();
      };
      const onAbort = () => settle(() => reject(signal.reason));
      const cancelDeadline = clock.after(deadlineMs, () =>
        settle(() => reject(busy(`none of its sequences became free within ${deadlineMs / 1000} s`))),
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
}

const busy = (why: string): GatewayError =>
  new GatewayError('no_upstream_available', `The local model is busy: ${why}. Try again shortly.`, {
    retryAfterSeconds: 2,
    isRetryable: true,
  });
