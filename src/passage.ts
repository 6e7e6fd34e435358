import type { Caller } from './auth/caller.ts';
import type { CacheScope } from './cache/cache-key.ts';
import type { CachedAnswer } from './cache/cache-store.ts';
import type { Remember } from './cache/look-up.ts';
import type { GatewayError } from './contract/errors.ts';
import type { Incoming, Reply } from './contract/incoming.ts';
import type { Outcome } from './contract/ledger-entry.ts';
import { HEADERS } from './contract/vocabulary.ts';
import type { Completion } from './execution/execute.ts';
import type { AttemptMeter } from './ledger/attempt-meter.ts';
import { Exchange, type ExchangeFacts } from './ledger/exchange.ts';
import { NO_TOKENS } from './ledger/tokens.ts';
import { newId } from './lib/id.ts';
import { formatUsd } from './lib/money.ts';
import { keyOf } from './limits/account.ts';
import type { Found, Hold, Reserved } from './limits/counters.ts';
import { rateLimitHeaders } from './limits/rate-limit-headers.ts';
import { refusalOf } from './limits/refusals.ts';
import type { Ports, Runtime } from './ports.ts';
import { mayUseModel } from './routing/permissions.ts';
import type { Candidate } from './routing/routing-table.ts';
import type { Selection } from './routing/select-route.ts';

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
  #facts: Partial<ExchangeFacts> = {};
  #holds: Hold[] = [];
  #found: Found[] = [];
  #explanation: string | null = null;

  constructor(incoming: Incoming, runtime: Runtime, ports: Ports) {
    this.#incoming = incoming;
    this.#runtime = runtime;
    this.#ports = ports;
    this.#exchange = new Exchange({
      id: incoming.id,
      endpoint: incoming.endpoint,
      arrivedAt: ports.clock.now(),
      configVersion: runtime.config.version,
      clock: ports.clock,
      store: ports.ledger,
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

  /** @param hold a place at the upstream, given back when the attempt ends. */
  beginAttempt(candidate: Candidate, hold: Hold): AttemptMeter {
    const { tier, upstream, model } = candidate;
    const { billingOf, hardwareOf } = this.#runtime;
    const paid = { billing: billingOf(candidate), hardware: hardwareOf(candidate) };
    return this.#exchange.beginAttempt({ tier, upstream, model, ...paid }, ({ tokens, costNanoUsd }) => {
      void hold.settle({ tokens: tokens.promptTokens + tokens.completionTokens, costNanoUsd: costNanoUsd ?? 0 });
    });
  }

  /** Callers whose keys may use different models share no answer: it may be one of a model that is not for them. */
  cacheScope({ team, permissions }: Caller, { route, forcedTier }: Selection): CacheScope {
    const models = this.#runtime.table.tiers.map(({ name, candidates }) => {
      const allowed = candidates.filter((candidate) => mayUseModel(permissions, candidate));
      return [name, ...allowed.map(({ upstream, model }) => `${upstream}/${model}`)].join(' ');
    });
    return { team, route: route?.name ?? 'direct', forcedTier, models };
  }

  /** A stored answer as a new one: its own id and time, the usage it had. */
  replay(answer: CachedAnswer, key: string | null): Answer {
    const { tier, upstream, model, tokens } = answer;
    const now = this.#ports.clock.now();
    const cacheEntry = { key: key ?? '', ageMs: Math.max(0, now - answer.storedAt), similarity: null, guards: null };
    this.note({ tier, upstream, model, replayedTokens: { ...NO_TOKENS, ...tokens }, cacheEntry });
    this.because(['cache hit']);
    const completion = { ...answer.completion, id: newId('chatcmpl', now), created: Math.floor(now / 1000) };
    return {
      kind: 'plain',
      candidate: { tier, upstream, model },
      completion,
      text: JSON.stringify(completion),
      recorder: { tokens },
      remember: null,
    };
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

  /** Stores the ledger entry and settles the reservation. Only the first call counts. Never rejects. */
  async finish(end: { outcome: Outcome; status: number; error?: GatewayError }): Promise<void> {
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
    await this.finish({ outcome: this.outcomeOf(error), status: error.status, error });
    return { kind: 'failure', headers: this.headers(null, true), error };
  }

  outcomeOf(error: GatewayError): Outcome {
    if (error.code === 'client_closed_request') return 'aborted';
    const isVerdict = error.status < 500 || error.code === 'not_cached';
    return this.#exchange.totals.attempts === 0 && isVerdict ? 'refused' : 'error';
  }
}

/** Header values are visible ASCII (RFC 9110, section 5.5); what is not becomes `?`. */
const toHeaderValue = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1_000);
