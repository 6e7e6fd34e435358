import type { Timeouts } from '../config/upstream-schema.ts';
import { type ErrorCode, GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';

/**
 * The limits on waiting for one upstream call, and the client's own leaving, as one signal. Which limit ran out is
 * the signal's reason: `upstream_first_byte_timeout`, `upstream_idle_timeout` or `upstream_total_timeout`.
 *
 * Until the first content of a stream only its first-byte limit counts: models think in silence. Time during which the
 * client takes no more is not the upstream's silence. The idle timer is not re-armed on every chunk: it looks, when it
 * fires, at when the last one came.
 */
export class CallLimits {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #timeouts: Timeouts;
  readonly #upstream: string;
  readonly #cancels: (() => void)[] = [];
  #cancelFirstByte: () => void;
  #lastActivity = 0;
  #isWatchingIdle = false;
  #isIdleLimited: boolean;
  #isPaused = false;

  /** @param isStream a plain answer's first byte comes only when all of it is written, so only `total` limits it. */
  constructor(options: { timeouts: Timeouts; clock: Clock; upstream: string; client: AbortSignal; isStream: boolean }) {
    this.#clock = options.clock;
    this.#timeouts = options.timeouts;
    this.#upstream = options.upstream;
    this.#isIdleLimited = !options.isStream;
    this.signal = this.#controller.signal;
    const leave = () => this.#controller.abort(options.client.reason);
    if (options.client.aborted) leave();
    options.client.addEventListener('abort', leave, { once: true });
    this.#cancels.push(() => options.client.removeEventListener('abort', leave));
    this.#arm(options.timeouts.total, 'upstream_total_timeout', 'did not finish its answer');
    this.#cancelFirstByte = options.isStream
      ? this.#arm(options.timeouts.firstByte, 'upstream_first_byte_timeout', 'sent no answer')
      : () => {};
  }

  /** Bytes came, or are waited for again: the idle limit counts from now. */
  activity(): void {
    this.#lastActivity = this.#clock.elapsed();
    this.#isPaused = false;
    if (this.#isWatchingIdle || !this.#isIdleLimited) return;
    this.#isWatchingIdle = true;
    this.#watchIdle(this.#timeouts.idle);
  }

  /** Nobody waits for bytes: the idle limit does not count until the next `activity`. */
  pause(): void {
    this.#isPaused = true;
  }

  /** The first content came: the first-byte limit is met, and the idle limit counts from the next `activity`. */
  content(): void {
    this.#cancelFirstByte();
    this.#isIdleLimited = true;
  }

  /** Ends all timers and listeners. Call it once the answer is over, whatever its end. */
  release(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.length = 0;
  }

  #watchIdle(ms: number): void {
    const cancel = this.#clock.after(ms, () => {
      const { idle } = this.#timeouts;
      const left = this.#isPaused ? idle : idle - (this.#clock.elapsed() - this.#lastActivity);
      this.#cancels.splice(this.#cancels.indexOf(cancel), 1);
      if (left > 0) this.#watchIdle(left);
      else this.#expire('upstream_idle_timeout', 'sent nothing more', idle);
    });
    this.#cancels.push(cancel);
  }

  #arm(ms: number, code: ErrorCode, words: string): () => void {
    const cancel = this.#clock.after(ms, () => this.#expire(code, words, ms));
    this.#cancels.push(cancel);
    return cancel;
  }

  #expire(code: ErrorCode, words: string, ms: number): void {
    const message = `Upstream "${this.#upstream}" ${words} within ${ms / 1000} s.`;
    this.#controller.abort(new GatewayError(code, message, { isRetryable: true }));
  }
}
