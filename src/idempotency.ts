import { authenticate } from './auth/authenticate.ts';
import { fingerprintOf, type RepeatedFacts, replyPlace } from './cache/recorded-reply.ts';
import type { ReplyLanding } from './cache/reply-flight.ts';
import type { RepeatLookUp, ReplyFlights } from './cache/reply-flights.ts';
import { GatewayError, toGatewayError } from './contract/errors.ts';
import type { Incoming, Reply } from './contract/incoming.ts';
import { HEADERS } from './contract/vocabulary.ts';
import { admit } from './limits/admit.ts';
import { limitedBy } from './limits/subjects.ts';
import { Passage, type ServedBy } from './passage.ts';
import type { Ports } from './ports.ts';
import type { Candidate } from './routing/routing-table.ts';

/**
 * Answers a request with an `Idempotency-Key` once: its repeats get the reply of the first, word for word, while it goes
 * out and for `REPEAT_WINDOW_MS` after. They ask no upstream and cost nothing, and each has its ledger entry. Failures are
 * not kept. (Header: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/.)
 * @param answer never throws. @param failure the body of an error, where it is not OpenAI's envelope.
 */
export const createIdempotency =
  (ports: Ports, replies: ReplyFlights) =>
  async (
    incoming: Incoming,
    answer: (incoming: Incoming) => Promise<Reply>,
    failure?: (error: GatewayError) => string,
  ): Promise<Reply> => {
    const key = incoming.headers[HEADERS.idempotencyKey];
    if (key === undefined) return answer(incoming);
    const { headers, id, signal } = incoming;
    const runtime = ports.runtime();
    const passage = new Passage(incoming, runtime, ports);
    try {
      const known = authenticate(incoming, ports.keys);
      const caller = await known;
      passage.note({ team: caller.team, keyId: caller.keyId });
      const place = replyPlace(key, caller);
      const bytes = await passage.waiting(incoming.readBody());
      const aside = [incoming.endpoint, headers[HEADERS.route], headers[HEADERS.tier]];
      const found = await replies.lookUp({
        place,
        fingerprint: fingerprintOf(bytes, aside),
        id,
        cacheControl: headers['cache-control'],
        signal,
        waiting: (promise) => passage.waiting(promise),
      });
      if (found.kind === 'first') {
        const { flight } = found;
        const recorded: Incoming['recorded'] = (entry) => flight.recorded(entry);
        return await flight.took(
          await answer({ ...incoming, caller: known, readBody: async () => bytes, signal: flight.signal, recorded }),
        );
      }
      passage.hold(await admit(id, limitedBy(caller, runtime.table.teams[caller.team], null), ports.counters));
      passage.because([`repeat of ${found.by}`]);
      return await new Repeat(passage, place.key, found, ports).reply();
    } catch (thrown) {
      const error = toGatewayError(thrown);
      const { kind, ...failed } = await passage.fail(error);
      return { kind, ...failed, ...(failure && { text: failure(error) }) };
    }
  };

/** The reply of the first request, as the one of another. */
class Repeat {
  readonly #passage: Passage;
  readonly #place: string;
  readonly #found: Exclude<RepeatLookUp, { kind: 'first' }>;
  readonly #ports: Ports;

  constructor(passage: Passage, place: string, found: Exclude<RepeatLookUp, { kind: 'first' }>, ports: Ports) {
    this.#passage = passage;
    this.#place = place;
    this.#found = found;
    this.#ports = ports;
  }

  async reply(): Promise<Reply> {
    const { landing, kind } = this.#found;
    const cache = kind === 'stored' ? 'hit' : 'shared';
    if (landing.kind === 'stream') {
      this.#passage.note({ cache, isStream: true });
      return {
        kind: 'stream',
        headers: this.#headers(servedBy(landing.headers), false),
        events: this.#follow(landing),
      };
    }
    const { record } = landing;
    const ageMs = Math.max(0, this.#ports.clock.now() - record.storedAt);
    const isStream = record.kind === 'stream';
    this.#passage.note({ cache, isStream });
    if (record.facts !== null) this.#note(record.facts, ageMs);
    const served = record.facts && servedOf(record.facts);
    const text = withoutMoney(record.text);
    await this.#passage.finish({ outcome: 'ok', status: 200 });
    const headers = { ...this.#headers(served, !isStream), [HEADERS.age]: String(Math.floor(ageMs / 1_000)) };
    return isStream ? { kind: 'stream', headers, events: once(text) } : { kind: 'json', headers, text };
  }

  async *#follow(landing: ReplyLanding & { kind: 'stream' }): AsyncGenerator<string> {
    let outcome: 'ok' | 'aborted' | 'error' = 'aborted';
    let error: GatewayError | undefined = LEFT;
    try {
      for await (const events of landing.events) {
        const own = withoutMoney(events);
        if (own !== '') yield own;
      }
      const facts = landing.facts();
      outcome = facts?.outcome === 'ok' ? 'ok' : 'error';
      error = outcome === 'ok' ? undefined : new GatewayError(facts?.errorCode ?? 'upstream_interrupted', BROKEN);
    } finally {
      const facts = landing.facts();
      if (facts !== null) this.#note(facts, 0);
      await this.#passage.finish({ outcome, status: 200, ...(error && { error }) });
    }
  }

  #headers(served: ServedBy | null, isComplete: boolean): Record<string, string> {
    return { ...this.#passage.headers(served, isComplete), [HEADERS.replayed]: this.#found.by };
  }

  #note(facts: RepeatedFacts, ageMs: number): void {
    const { requestedModel, tags, route, tier, upstream, model, tokens, baselineUpstream, baselineModel } = facts;
    const { table, billingOf } = this.#ports.runtime();
    const isBaseline = (each: Candidate) => each.upstream === baselineUpstream && each.model === baselineModel;
    const baseline = table.candidates.find(isBaseline);
    this.#passage.note({
      ...{ requestedModel, tags, route, tier, upstream, model, replayedTokens: tokens },
      baseline: baseline ? { upstream: baseline.upstream, model: baseline.model, billing: billingOf(baseline) } : null,
      cacheEntry: { key: this.#place, ageMs, similarity: null, guards: null },
    });
  }
}

const LEFT = new GatewayError('client_closed_request', 'The client closed the connection.');
const BROKEN = 'The answer broke off.';

const servedOf = ({ tier, upstream, model }: RepeatedFacts): ServedBy | null =>
  tier !== null && upstream !== null && model !== null ? { tier, upstream, model } : null;

const servedBy = (headers: Record<string, string>): ServedBy => ({
  tier: headers[HEADERS.tier] ?? '',
  upstream: headers[HEADERS.upstream] ?? '',
  model: headers[HEADERS.model] ?? '',
});

/** What the first request cost is told in comments of its stream, and is not what its repeat costs. */
const withoutMoney = (text: string): string =>
  text.includes(': x-rightsize-') ? text.replace(/^: x-rightsize-[^\n]*\n\n/gm, '') : text;

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}
