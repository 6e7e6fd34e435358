import type { ErrorCode } from '../contract/errors.ts';
import type { AttemptRecord, TokenCounts } from '../contract/ledger-entry.ts';
import type { Clock } from '../lib/clock.ts';
import { type Billing, costUnder } from './price.ts';
import { NO_TOKENS } from './tokens.ts';

export type AttemptStart = { tier: string; upstream: string; model: string; billing: Billing };

export type AttemptEnd = {
  outcome: AttemptRecord['outcome'];
  errorCode?: ErrorCode | null;
  /** HTTP status of the upstream's answer, if there was one. */
  upstreamStatus?: number | null;
  /** What the upstream counted, or an estimate; none when it did nothing. */
  tokens?: TokenCounts;
};

/** Times and prices one call to one upstream. Until `finish`, its record reads as aborted now, without tokens. */
export class AttemptMeter {
  readonly start: AttemptStart;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #onFinish: () => void;
  #firstTokenAt: number | undefined;
  #isServing = false;
  #finished: AttemptRecord | undefined;

  /** `onFinish` runs once, when the attempt ends. */
  constructor(start: AttemptStart, clock: Clock, onFinish: () => void) {
    this.start = start;
    this.#clock = clock;
    this.#startedAt = clock.elapsed();
    this.#onFinish = onFinish;
  }

  /** Marks the first content of the answer. Only the first call counts. */
  firstToken(): void {
    this.#firstTokenAt ??= this.#clock.elapsed();
  }

  /** Its answer is the one that the client gets, or got the beginning of. */
  serve(): void {
    this.#isServing = true;
  }

  get isServing(): boolean {
    return this.#isServing;
  }

  /** `clock.elapsed()` at the first content. */
  get firstTokenAt(): number | undefined {
    return this.#firstTokenAt;
  }

  /** Ends the attempt. Only the first call counts. */
  finish(end: AttemptEnd): void {
    if (this.#finished) return;
    this.#finished = this.#recordOf(end);
    this.#onFinish();
  }

  record(): AttemptRecord {
    return this.#finished ?? this.#recordOf({ outcome: 'aborted' });
  }

  #recordOf({ outcome, errorCode = null, upstreamStatus = null, tokens = NO_TOKENS }: AttemptEnd): AttemptRecord {
    const { billing, tier, upstream, model } = this.start;
    return {
      tier,
      upstream,
      model,
      outcome,
      errorCode,
      upstreamStatus,
      tokens,
      costNanoUsd: costUnder(tokens, billing),
      priceVersion: billing.kind === 'priced' ? billing.version : null,
      firstTokenMs: this.#firstTokenAt === undefined ? null : this.#firstTokenAt - this.#startedAt,
      totalMs: this.#clock.elapsed() - this.#startedAt,
    };
  }
}
