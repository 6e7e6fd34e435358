import type { Remember } from './cache/look-up.ts';
import type { GatewayError } from './contract/errors.ts';
import type { Incoming, Reply } from './contract/incoming.ts';
import type { Outcome } from './contract/ledger-entry.ts';
import { HEADERS } from './contract/vocabulary.ts';
import type { Completion } from './execution/execute.ts';
import type { AttemptMeter } from './ledger/attempt-meter.ts';
import { Exchange, type ExchangeFacts } from './ledger/exchange.ts';
import type { LedgerStore } from './ledger/ledger-store.ts';
import { formatUsd } from './lib/money.ts';
import { keyOf } from './limits/account.ts';
import type { Found, Hold, Reserved } from './limits/counters.ts';
import { rateLimitHeaders } from './limits/rate-limit-headers.ts';
import { refusalOf } from './limits/refusals.ts';
import type { Ports, Runtime } from './ports.ts';
import type { RecordedFacts } from './record-answer.ts';
import type { Candidate } from './routing/routing-table.ts';

export type ServedBy = { tier: string; upstream: string; model: string };

/** An answer on its way out, from an upstream or from the cache. */
export type Answer = Omit<Completion, 'candidate' | 'failures'> & {
  candidate: ServedBy;
  /** Keeps the answer for the next one who asks; null where that is not wanted. */
  remember: Remember | null;
} & (
    | Pick<Completion & { kind: 'plain' }, 'kind' | 'completion' | 'text' | 'native'>
    | Pick<Completion & { kind: 'stream' }, 'kind' | 'parts'>
  );

/** One request on its way through the pipeline: what is known of it, for its headers and its ledger entry. */
export class Passage {
  readonly #incoming: Incoming;
  readonly #runtime: Runtime;
  readonly #ports: Ports;
  readonly #exchange: Exchange;
  readonly #reasons: string[] = [];
  readonly #arrivedAt: number;
  #facts: Partial<ExchangeFacts> = {};
  #stripped: string[] = [];
  #holds: Hold[] = [];
  #found: Found[] = [];
  #ageSeconds: number | null = null;
  #callEnded: Promise<void> | null = null;
  #explanation: string | null = null;

  constructor(incoming: Incoming, runtime: Runtime, ports: Ports) {
    this.#incoming = incoming;
    this.#runtime = runtime;
    this.#ports = ports;
    this.#arrivedAt = ports.clock.now();
    this.#exchange = new Exchange({
      id: incoming.id,
      clientRequestId: incoming.clientRequestId ?? null,
      endpoint: incoming.endpoint,
      arrivedAt: this.#arrivedAt,
      configVersion: runtime.config.version,
      clock: ports.clock,
      store: incoming.recorded === undefined ? ports.ledger : telling(ports.ledger, incoming),
      onError: (error, { id }) => ports.logger.error({ err: error, id }, 'a ledger entry could not be stored'),
    });
    this.note({ baseline: runtime.baseline });
  }

  note(facts: Partial<ExchangeFacts>): void {
    this.#facts = { ...this.#facts, ...facts };
    this.#exchange.note(facts);
  }

  /** Adds reasons for the decision, once each. */
  because(reasons: string[]): void {
    for (const reason of reasons) if (!this.#reasons.includes(reason)) this.#reasons.push(reason);
    this.note({ reason: this.#reasons.join('; ') });
  }

  /** Works out the decision in words, for the clients that ask with `x-rightsize-debug`: it costs more than deciding. */
  explain(words: () => string): void {
    if (this.#incoming.headers[HEADERS.debug] !== undefined) this.#explanation = words();
  }

  /** Names the parameters that the upstream which answered was not sent. */
  left(parameters: string[]): void {
    this.#stripped = parameters;
  }

  /** The answer was stored so long ago. */
  aged(ms: number): void {
    this.#ageSeconds = Math.floor(ms / 1000);
  }

  /** Awaits the client; that time is no overhead of ours. */
  async waiting<Value>(promise: Promise<Value>): Promise<Value> {
    const end = this.#exchange.beginWait();
    try {
      return await promise;
    } finally {
      end();
    }
  }

  /** Keeps a reservation, to be settled when the request ends. @throws GatewayError when it was refused. */
  hold({ isAdmitted, found, hold }: Reserved): void {
    const isAgain = (other: Found) => found.some(({ charge }) => keyOf(charge.account) === keyOf(other.charge.account));
    this.#found = [...this.#found.filter((other) => !isAgain(other)), ...found];
    this.#holds.push(hold);
    if (isAdmitted) return;
    this.#ports.counters.noteRefusal(found);
    throw refusalOf(found);
  }

  /** The call goes on for others when this client leaves; the ledger entry waits until all of its cost is known. */
  pay(ended: Promise<void>): void {
    this.#callEnded = ended;
  }

  /** @param hold a place at the upstream, given back when the attempt ends. */
  beginAttempt(candidate: Candidate, hold: Hold): AttemptMeter {
    return this.#begin(candidate, hold, false);
  }

  #begin(candidate: Candidate, hold: Hold, isAside: boolean): AttemptMeter {
    const { tier, upstream, model } = candidate;
    const { billingOf, hardwareOf } = this.#runtime;
    const tellsCost = this.#runtime.config.routes.upstreams[upstream]?.kind === 'openrouter';
    const paid = { billing: billingOf(candidate), hardware: hardwareOf(candidate), tellsCost };
    return this.#exchange.beginAttempt({ tier, upstream, model, ...paid, isAside }, ({ tokens, costNanoUsd }) => {
      void hold.settle({ tokens: tokens.promptTokens + tokens.completionTokens, costNanoUsd: costNanoUsd ?? 0 });
    });
  }

  /** A call that helps to find an answer and gives none. @param hold as for `beginAttempt`. */
  beginAside(candidate: Candidate, hold: Hold): AttemptMeter {
    return this.#begin(candidate, hold, true);
  }

  /** The headers that say what served the request and why; money only where it is known before the first byte. */
  headers(served: ServedBy | null, isComplete: boolean): Record<string, string> {
    const { attempts, overheadMs } = this.#exchange.totals;
    const { difficulty, route, cache } = this.#facts;
    const values: Record<string, string | null | undefined> = {
      [HEADERS.requestId]: this.#incoming.id,
      [HEADERS.route]: route,
      [HEADERS.tier]: served?.tier,
      [HEADERS.upstream]: served?.upstream,
      [HEADERS.model]: served?.model,
      [HEADERS.difficulty]: difficulty?.toFixed(3),
      [HEADERS.reason]: this.#reasons.join('; '),
      [HEADERS.cache]: cache,
      [HEADERS.age]: this.#ageSeconds === null ? null : String(this.#ageSeconds),
      [HEADERS.stripped]: this.#stripped.join(', '),
      [HEADERS.attempts]: String(attempts),
      [HEADERS.overhead]: overheadMs.toFixed(2),
      [HEADERS.config]: this.#runtime.config.version,
      [HEADERS.explain]: this.#explanation,
      ...(isComplete && this.money()),
      ...rateLimitHeaders(this.#found),
    };
    const present = Object.entries(values).filter((pair): pair is [string, string] => Boolean(pair[1]));
    return Object.fromEntries(present.map(([name, value]) => [name, toHeaderValue(value)]));
  }

  /** What the request cost and saved so far, as decimal USD; `unknown` where a paid model has no price. */
  money(): Record<string, string> {
    const { costNanoUsd, savedNanoUsd } = this.#exchange.totals;
    const show = (amount: number | null) => (amount === null ? 'unknown' : formatUsd(amount));
    return { [HEADERS.cost]: show(costNanoUsd), [HEADERS.saved]: show(savedNanoUsd) };
  }

  /** What a recording tells beside its texts. */
  recorded(): RecordedFacts {
    const { id } = this.#incoming;
    const { team = 'default', keyId = null, difficulty = null } = this.#facts;
    return { id, at: this.#arrivedAt, team, keyId, difficulty, isEscalated: this.#exchange.isEscalated };
  }

  /** Stores the ledger entry and settles the reservation. Only the first call counts. Never rejects. */
  async finish(end: { outcome: Outcome; status: number; error?: GatewayError }): Promise<void> {
    await this.#callEnded;
    const holds = this.#holds;
    this.#holds = [];
    const { outcome, status, error } = end;
    await this.#exchange.finish({ outcome, status, errorCode: error?.code ?? null });
    const { promptTokens, completionTokens } = this.#exchange.totals.tokens;
    const used = { tokens: promptTokens + completionTokens, costNanoUsd: this.#exchange.knownCostNanoUsd };
    await Promise.all(holds.map((hold) => hold.settle(used)));
  }

  /** Ends the request with an error that the client has seen nothing of yet. */
  async fail(error: GatewayError): Promise<Reply & { kind: 'failure' }> {
    if (error.code === 'internal_error')
      this.#ports.logger.error({ err: error.cause, id: this.#incoming.id }, error.message);
    // Without a decision nothing else says why each model stood back; the message holds nothing of the request.
    if (error.code === 'no_upstream_available') this.because([error.message]);
    await this.finish({ outcome: this.outcomeOf(error), status: error.status, error });
    return { kind: 'failure', headers: this.headers(null, true), error };
  }

  outcomeOf(error: GatewayError): Outcome {
    if (error.code === 'client_closed_request') return 'aborted';
    const isVerdict = error.status < 500 || error.code === 'not_cached';
    return this.#exchange.totals.attempts === 0 && isVerdict ? 'refused' : 'error';
  }
}

const telling = (store: LedgerStore, { recorded }: Incoming): Pick<LedgerStore, 'append'> => ({
  append(entry) {
    recorded?.(entry);
    return store.append(entry);
  },
});

/** Header values are visible ASCII (RFC 9110, section 5.5); what is not becomes `?`. */
const toHeaderValue = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1_000);
