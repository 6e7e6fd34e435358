import type { ErrorCode } from '../contract/errors.ts';
import { packFeatures } from '../contract/feature-values.ts';
import type { AttemptRecord, DecisionFacts, LedgerEntry, Outcome, TokenCounts } from '../contract/ledger-entry.ts';
import type { Clock } from '../lib/clock.ts';
import type { NanoUsd } from '../lib/money.ts';
import { AttemptMeter, type AttemptStart } from './attempt-meter.ts';
import type { LedgerStore } from './ledger-store.ts';
import { costUnder } from './price.ts';
import { addTokens, NO_TOKENS } from './tokens.ts';
import { WaitTimer } from './wait-timer.ts';

export type ExchangeOptions = {
  /** `req_…`. */
  id: string;
  /** The client's own. */
  clientRequestId?: string | null;
  endpoint: string;
  /** Unix milliseconds of arrival. Durations are measured from the construction of the exchange. */
  arrivedAt: number;
  configVersion: string;
  clock: Clock;
  store: Pick<LedgerStore, 'append'>;
  /** Told when the entry could not be stored. The answer goes out all the same. */
  onError: (error: unknown, entry: LedgerEntry) => void;
};

type EntryFacts = Pick<
  LedgerEntry,
  | 'team'
  | 'keyId'
  | 'tags'
  | 'requestedModel'
  | 'route'
  | 'tier'
  | 'upstream'
  | 'model'
  | 'difficulty'
  | 'reason'
  | 'classifierVersion'
  | 'isStream'
  | 'cache'
  | 'cacheEntry'
  | 'request'
>;

/** What the answer would have cost without us: at the strongest tier's first priced model. */
export type Baseline = Pick<AttemptStart, 'upstream' | 'model' | 'billing'>;

/** @see LedgerEntry.decision; the features as measured, to be packed when the entry is stored. */
export type DecisionNote = Omit<DecisionFacts, 'featureValues'> & { featureValues: readonly number[] | null };

export type ExchangeFacts = EntryFacts & {
  baseline: Baseline | null;
  decision: DecisionNote | null;
  /** Tokens of an answer that came from the cache: they count as saved, and are not in the entry's tokens. */
  replayedTokens: TokenCounts;
};

/** Money and time so far, for response headers. */
export type ExchangeTotals = Pick<
  LedgerEntry,
  | 'tokens'
  | 'costNanoUsd'
  | 'baselineNanoUsd'
  | 'savedNanoUsd'
  | 'hardwareNanoUsd'
  | 'fullSavedNanoUsd'
  | 'energyWh'
  | 'wasteNanoUsd'
  | 'totalMs'
  | 'overheadMs'
> & { attempts: number };

/**
 * The facts of one request, collected while it is handled, and stored as exactly one ledger entry by `finish`.
 * Facts that nobody noted keep neutral values: team `default`, cache `bypass`, baseline unknown, the rest null or empty.
 */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #startedAt: number;
  readonly #waits: WaitTimer;
  readonly #attempts: AttemptMeter[] = [];
  #stored: Promise<void> | undefined;
  #facts: ExchangeFacts = {
    team: 'default',
    keyId: null,
    tags: {},
    requestedModel: null,
    route: null,
    tier: null,
    upstream: null,
    model: null,
    difficulty: null,
    reason: '',
    classifierVersion: null,
    isStream: false,
    cache: 'bypass',
    cacheEntry: null,
    request: null,
    decision: null,
    baseline: null,
    replayedTokens: NO_TOKENS,
  };

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#startedAt = options.clock.elapsed();
    this.#waits = new WaitTimer(options.clock);
  }

  get id(): string {
    return this.#options.id;
  }

  /** Adds or replaces facts. `tier`, `upstream` and `model` are for answers from the cache: an attempt's own win. */
  note(facts: Partial<ExchangeFacts>): void {
    this.#facts = { ...this.#facts, ...facts };
  }

  /**
   * Starts the clock of one call to an upstream; its time is no overhead until the meter is finished.
   * @param onEnd told once how the call ended.
   */
  beginAttempt(start: AttemptStart, onEnd: (record: Omit<AttemptRecord, 'isShown'>) => void = () => {}): AttemptMeter {
    const endWait = this.#waits.begin();
    const finish = (record: Omit<AttemptRecord, 'isShown'>) => {
      endWait();
      onEnd(record);
    };
    const attempt = new AttemptMeter(start, this.#options.clock, finish, this.#startedAt);
    this.#attempts.push(attempt);
    return attempt;
  }

  /** Time spent waiting for the client (its body, its slow reading) is no overhead either. Call the result at its end. */
  beginWait(): () => void {
    return this.#waits.begin();
  }

  /** Whether a model was asked whose answer was not sure enough. */
  get isEscalated(): boolean {
    return this.#attempts.some((attempt) => attempt.record().outcome === 'escalated');
  }

  /** Spent so far on calls whose price is known: what the reports of the ledger add up. */
  get knownCostNanoUsd(): NanoUsd {
    return this.#attempts.reduce((sum, attempt) => sum + (attempt.record().costNanoUsd ?? 0), 0);
  }

  get totals(): ExchangeTotals {
    const records = this.#attempts.map((attempt) => attempt.record());
    const costNanoUsd = sumOfKnown(records.map((record) => record.costNanoUsd));
    const hardwareNanoUsd = sumOfKnown(records.map((record) => record.hardwareNanoUsd));
    const energies = records.flatMap(({ energyWh }) => (energyWh === null ? [] : [energyWh]));
    const { baseline, replayedTokens } = this.#facts;
    // Only the tokens of the answer that was served count for the baseline: what failed or escalated is pure cost.
    const served = this.#served()?.record().tokens ?? replayedTokens;
    const baselineNanoUsd = costUnder(served, baseline?.billing ?? { kind: 'unknown' });
    const savedNanoUsd = less(baselineNanoUsd, costNanoUsd);
    const totalMs = this.#options.clock.elapsed() - this.#startedAt;
    return {
      attempts: this.#attempts.filter(({ start }) => start.isAside !== true).length,
      tokens: records.reduce((sum, record) => addTokens(sum, record.tokens), NO_TOKENS),
      costNanoUsd,
      baselineNanoUsd,
      savedNanoUsd,
      hardwareNanoUsd,
      fullSavedNanoUsd: less(savedNanoUsd, hardwareNanoUsd),
      energyWh: energies.length === 0 ? null : energies.reduce((sum, energy) => sum + energy, 0),
      wasteNanoUsd: this.#attempts.reduce(
        (sum, attempt, i) =>
          wasShown(attempt) || attempt.start.isAside === true ? sum : sum + (records[i]?.costNanoUsd ?? 0),
        0,
      ),
      totalMs,
      overheadMs: Math.max(0, totalMs - this.#waits.totalMs),
    };
  }

  /**
   * Ends the exchange and stores its entry; attempts still open are closed as aborted. Only the first call counts:
   * later ones return its promise. Resolves when the entry is stored, or `onError` was told; never rejects.
   */
  finish(end: { outcome: Outcome; status: number; errorCode?: ErrorCode | null }): Promise<void> {
    this.#stored ??= this.#store(end);
    return this.#stored;
  }

  async #store(end: { outcome: Outcome; status: number; errorCode?: ErrorCode | null }): Promise<void> {
    for (const attempt of this.#attempts) attempt.finish({ outcome: 'aborted' });
    const served = this.#served();
    const attempts = this.#attempts.map((attempt) => ({ ...attempt.record(), isShown: wasShown(attempt) }));
    const { baseline, decision, replayedTokens: _, ...facts } = this.#facts;
    const { featureValues = null } = decision ?? {};
    const entry: LedgerEntry = {
      id: this.#options.id,
      clientRequestId: this.#options.clientRequestId ?? null,
      at: this.#options.arrivedAt,
      endpoint: this.#options.endpoint,
      configVersion: this.#options.configVersion,
      ...facts,
      ...this.totals,
      baselineUpstream: baseline?.upstream ?? null,
      baselineModel: baseline?.model ?? null,
      decision: decision && { ...decision, featureValues: featureValues && packFeatures(featureValues) },
      ...(served && { tier: served.start.tier, upstream: served.start.upstream, model: served.start.model }),
      outcome: end.outcome,
      status: end.status,
      errorCode: end.errorCode ?? null,
      attempts,
      firstTokenMs: served?.firstTokenAt === undefined ? null : served.firstTokenAt - this.#startedAt,
    };
    try {
      await this.#options.store.append(entry);
    } catch (error) {
      this.#options.onError(error, entry);
    }
  }

  /** The attempt whose answer the client got, whole or not; else the last that succeeded; else the last. */
  #served(): AttemptMeter | undefined {
    return this.#attempts.find(({ isServing }) => isServing) ?? this.#lastGood();
  }

  #lastGood(): AttemptMeter | undefined {
    const answering = this.#attempts.filter(({ start }) => start.isAside !== true);
    return answering.findLast((attempt) => attempt.record().outcome === 'ok') ?? answering.at(-1);
  }
}

/** A plain answer is shown once it is complete, a stream as soon as it serves. */
const wasShown = (attempt: AttemptMeter): boolean =>
  attempt.isServing || (attempt.record().outcome === 'ok' && attempt.start.isAside !== true);

const sumOfKnown = (amounts: (NanoUsd | null)[]): NanoUsd | null =>
  amounts.reduce((sum, amount) => (sum === null || amount === null ? null : sum + amount), 0);

const less = (amount: NanoUsd | null, part: NanoUsd | null): NanoUsd | null =>
  amount === null || part === null ? null : amount - part;
