import type { ErrorCode } from '../contract/errors.ts';
import type { AttemptRecord, TokenCounts } from '../contract/ledger-entry.ts';
import type { Clock } from '../lib/clock.ts';
import { energyOf, type Hardware, hardwareCostOf } from './hardware.ts';
import { type Billing, splitUnder, sumOf } from './price.ts';
import { NO_TOKENS } from './tokens.ts';

export type AttemptStart = {
  tier: string;
  upstream: string;
  model: string;
  billing: Billing;
  /** One's own hardware that does the work; none where it is somebody else's. */
  hardware?: Hardware | null;
  /** It helps to decide and answers nobody: an embedding of the question, for one. It is paid like any other. */
  isAside?: boolean;
  /** The provider tells in its usage what an answer cost; taken where there is no price. */
  tellsCost?: boolean;
};

export type AttemptEnd = {
  outcome: AttemptRecord['outcome'];
  errorCode?: ErrorCode | null;
  /** HTTP status of the upstream's answer, if there was one. */
  upstreamStatus?: number | null;
  /** What the upstream counted, or an estimate; none when it did nothing. */
  tokens?: TokenCounts;
  /** Something was paid for that is not counted in tokens. */
  isCostUnknown?: boolean;
  /** The `service_tier` that the answer named: some have rates of their own. */
  serviceTier?: string | null;
  /** What the provider says that it has charged, in USD. */
  toldCostUsd?: number | null;
};

/** Times and prices one call to one upstream. Until `finish`, its record reads as aborted now, without tokens. */
export class AttemptMeter {
  readonly start: AttemptStart;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #startedMs: number;
  readonly #endWork: ((nowMs: number) => number) | undefined;
  readonly #onFinish: (record: Omit<AttemptRecord, 'isShown'>) => void;
  #firstTokenAt: number | undefined;
  #isServing = false;
  #finished: Omit<AttemptRecord, 'isShown'> | undefined;

  /** `arrivedAt` is `clock.elapsed()` of the request's arrival; `onFinish` runs once, when the attempt ends. */
  constructor(
    start: AttemptStart,
    clock: Clock,
    onFinish: (record: Omit<AttemptRecord, 'isShown'>) => void,
    arrivedAt = clock.elapsed(),
  ) {
    this.start = start;
    this.#clock = clock;
    this.#startedAt = clock.elapsed();
    this.#startedMs = this.#startedAt - arrivedAt;
    this.#endWork = start.hardware?.busy.begin(this.#startedAt);
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
    this.#finished = this.#recordOf(end, this.#endWork?.(this.#clock.elapsed()) ?? null);
    this.#onFinish(this.#finished);
  }

  record(): Omit<AttemptRecord, 'isShown'> {
    return this.#finished ?? this.#recordOf({ outcome: 'aborted' }, null);
  }

  #recordOf(
    { outcome, errorCode = null, upstreamStatus = null, tokens = NO_TOKENS, serviceTier = null, ...end }: AttemptEnd,
    busyMs: number | null,
  ): Omit<AttemptRecord, 'isShown'> {
    const { billing, hardware, tier, upstream, model } = this.start;
    const told = this.start.tellsCost === true && billing.kind === 'unknown' ? (end.toldCostUsd ?? null) : null;
    const isUnknown = end.isCostUnknown === true && billing.kind !== 'free';
    const split = isUnknown ? null : splitUnder(tokens, billing, serviceTier);
    const cost = hardware?.cost ?? null;
    return {
      tier,
      upstream,
      model,
      outcome,
      errorCode,
      upstreamStatus,
      tokens,
      costNanoUsd: told === null ? sumOf(split) : Math.round(told * 1e9),
      costSplit: told === null ? split : null,
      priceVersion: told === null ? (billing.kind === 'priced' ? billing.version : null) : 'told',
      hardwareNanoUsd: hardware == null ? 0 : cost && busyMs !== null ? hardwareCostOf(busyMs, cost) : null,
      energyWh: cost && busyMs !== null ? energyOf(busyMs, cost) : null,
      startedMs: this.#startedMs,
      firstTokenMs: this.#firstTokenAt === undefined ? null : this.#firstTokenAt - this.#startedAt,
      totalMs: this.#clock.elapsed() - this.#startedAt,
    };
  }
}
