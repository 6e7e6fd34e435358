import { GatewayError, toGatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';
import { parseCacheControl } from './cache-control.ts';
import type { CachePlace } from './cache-key.ts';
import type { CacheStore } from './cache-store.ts';
import { claimInTurn } from './claim-in-turn.ts';
import type { RecordedReply } from './recorded-reply.ts';
import { MAX_REPLY_BYTES, ReplyFlight, type ReplyLanding } from './reply-flight.ts';

/** For how long a repeat gets the reply of the first. */
export const REPEAT_WINDOW_MS = 10 * 60_000;
/** Longest wait for a request that another gateway is answering. */
const OTHER_GATEWAY_LIMIT_MS = 60_000;
const KEEPING = { freshMs: REPEAT_WINDOW_MS, staleMs: 0, maxBytes: MAX_REPLY_BYTES };

export type RepeatQuestion = {
  place: CachePlace;
  fingerprint: string;
  /** `req_…`. */
  id: string;
  cacheControl: string | string[] | undefined;
  signal: AbortSignal;
  waiting<Value>(promise: Promise<Value>): Promise<Value>;
};

/** `first`: the request is for the caller to answer. Otherwise `by` is the id of the request that was answered, or is being. */
export type RepeatLookUp =
  | { kind: 'first'; flight: ReplyFlight }
  | { kind: 'stored'; by: string; landing: ReplyLanding }
  | { kind: 'joined'; by: string; landing: ReplyLanding };

/** Replies to requests with an idempotency key, kept and under way. Of those under way there are never more than requests. */
export class ReplyFlights {
  readonly #store: CacheStore<RecordedReply>;
  readonly #clock: Clock;
  readonly #flights = new Map<string, ReplyFlight>();
  readonly #running = new Map<ReplyFlight, PromiseWithResolvers<void>>();

  constructor(store: CacheStore<RecordedReply>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * The reply to the first request of an idempotency key, if this is not it.
   * @throws GatewayError `idempotency_key_reused` when the first asked something else; `idempotency_key_in_use` when
   * another gateway has been answering it for long; what the first failed with, if it was under way; the reason of `signal`.
   */
  async lookUp(question: RepeatQuestion): Promise<RepeatLookUp> {
    const { place, fingerprint, signal, waiting } = question;
    const known = this.#flights.get(place.key);
    if (known !== undefined) {
      refuseOther(known.fingerprint, fingerprint);
      const landing = await waiting(known.follow(signal));
      return { kind: 'joined', by: known.firstId, landing };
    }
    const flight = this.#begin(question);
    try {
      const turn = { cache: this.#store, clock: this.#clock, signal: flight.signal, waiting };
      const claimed = await claimInTurn(place, { ...turn, limitMs: OTHER_GATEWAY_LIMIT_MS });
      if (claimed === null) throw IN_USE;
      if (claimed.kind === 'stored') {
        refuseOther(claimed.answer.fingerprint, fingerprint);
        flight.found(claimed.answer);
        return { kind: 'stored', by: claimed.answer.firstId, landing: { kind: 'recorded', record: claimed.answer } };
      }
      const { claim } = claimed;
      const { noStore } = parseCacheControl(question.cacheControl);
      flight.keepBy((record) => (record === null || noStore ? claim.release() : claim.land(record, KEEPING)));
      return { kind: 'first', flight };
    } catch (error) {
      await flight.failed(toGatewayError(error));
      throw error;
    }
  }

  /** Breaks off what goes on without a client. Resolves when all is over. */
  async close(): Promise<void> {
    const ends = [...this.#running.values()].map(({ promise }) => promise);
    for (const flight of this.#running.keys()) {
      flight.abort(new GatewayError('client_closed_request', 'The gateway closes.'));
    }
    await Promise.all(ends);
  }

  #begin({ place, fingerprint, id, signal }: RepeatQuestion): ReplyFlight {
    const flight = new ReplyFlight({
      fingerprint,
      firstId: id,
      clock: this.#clock,
      onClosed: () => {
        if (this.#flights.get(place.key) === flight) this.#flights.delete(place.key);
      },
      onOver: () => {
        this.#running.get(flight)?.resolve();
        this.#running.delete(flight);
      },
    });
    this.#flights.set(place.key, flight);
    this.#running.set(flight, Promise.withResolvers());
    flight.board(signal);
    return flight;
  }
}

const refuseOther = (first: string, now: string): void => {
  if (first === now) return;
  throw new GatewayError('idempotency_key_reused', 'This Idempotency-Key was used for another request.', {
    param: 'Idempotency-Key',
  });
};

const IN_USE = new GatewayError('idempotency_key_in_use', 'The first request of this Idempotency-Key is under way.', {
  param: 'Idempotency-Key',
  retryAfterSeconds: 5,
});
