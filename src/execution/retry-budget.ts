import type { Clock } from '../lib/clock.ts';

/** Retries allowed for each first call, on average, and the number that may always be made in a row. */
const RETRIES_PER_CALL = 0.2;
const RESERVE = 5;

/**
 * Bounds the retries at one upstream to a fifth of its calls, so that an outage is not met with a multiple of the
 * traffic that caused it (the retry budget of Finagle, https://twitter.github.io/finagle/guide/Clients.html#retries).
 */
export class RetryBudget {
  #balance = RESERVE;

  /** A first call was made: earns a part of a retry. */
  earn(): void {
    this.#balance = Math.min(RESERVE, this.#balance + RETRIES_PER_CALL);
  }

  /** Takes one retry; false when the budget is spent. */
  trySpend(): boolean {
    if (this.#balance < 1) return false;
    this.#balance -= 1;
    return true;
  }
}

const BASE_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;

/**
 * Milliseconds to wait before retry `number` (1, 2, …): full jitter over an exponentially growing range
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), and never less than the upstream asks.
 * @param random in [0, 1).
 */
export const retryDelayMs = (number: number, random: number, retryAfterSeconds: number | undefined): number =>
  Math.max(random * Math.min(LONGEST_DELAY_MS, BASE_DELAY_MS * 2 ** number), (retryAfterSeconds ?? 0) * 1_000);

/** Waits, unless the signal aborts first: then rejects with its reason. */
export const pause = (ms: number, clock: Clock, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const onAbort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
