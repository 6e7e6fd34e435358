import type { RouteConfig } from '../config/route-schema.ts';
import type { ChatRequest } from '../contract/chat-request.ts';
import { type ErrorCode, GatewayError, toGatewayError } from '../contract/errors.ts';
import { FoldedAnswer } from '../contract/fold-chunks.ts';
import type { ChatCompletion } from '../contract/openai.ts';
import type { CacheStatus } from '../contract/vocabulary.ts';
import type { Clock } from '../lib/clock.ts';
import { type CacheControl, parseCacheControl } from './cache-control.ts';
import { type CachePlace, type CacheScope, cachePlace } from './cache-key.ts';
import type { CachedAnswer, CacheStore, Keeping, StoredAnswer } from './cache-store.ts';
import { claimInTurn } from './claim-in-turn.ts';
import type { Flight, FlyingAnswer } from './flight.ts';
import type { Flights } from './flights.ts';
import type { SemanticLookUp, Similar, SimilarAnswer } from './semantic-look-up.ts';

/**
 * `stored`: an identical request was answered before. `shared`: one is being answered, and this is the same answer.
 * `absent`: an upstream must be asked; where the request leads a `flight`, its answer goes through that, and is kept by it.
 */
export type LookUp =
  | {
      kind: 'stored';
      status: CacheStatus;
      place: CachePlace;
      answer: StoredAnswer;
      needsRefresh: boolean;
      /** How near the question was that the answer was given to; null where it was this very request. */
      similar: Similar | null;
    }
  | { kind: 'shared'; status: CacheStatus; place: CachePlace; answer: FlyingAnswer }
  | {
      kind: 'absent';
      status: CacheStatus;
      flight: Flight | null;
      /** Keeps a complete answer for the next one who asks; null where that is forbidden, or the flight does it. */
      remember: Remember | null;
    };

/** Keeps an answer, if it is worth it. */
export type Remember = (answer: Omit<CachedAnswer, 'storedAt'>) => Promise<void>;

export type Question = {
  route: RouteConfig | null;
  scope: CacheScope;
  request: Pick<ChatRequest, 'body' | 'text' | 'isStream'>;
  cacheControl: string | string[] | undefined;
  /** Looks for questions that mean the same, where the route wants that. */
  similar: SemanticLookUp | null;
  /** Aborts when the client leaves. */
  signal: AbortSignal;
  /** Awaits others; that time is no overhead of ours. */
  waiting<Value>(promise: Promise<Value>): Promise<Value>;
};

export type CacheParts = { cache: CacheStore; flights: Flights; clock: Clock };

/** Longest wait for an answer that another gateway is fetching; after it, this one asks an upstream itself. */
export const OTHER_GATEWAY_LIMIT_MS = 10_000;

/**
 * The answer to an identical request of the same tenant, stored or under way, if the route caches and the client allows
 * it. Requests with a `cache-control` of their own neither lead nor follow.
 * @throws GatewayError `not_cached` when the client wants a stored answer or none (RFC 9111, section 5.2.1.7); what the
 * request failed with that was followed; the reason of `signal`.
 */
export const lookUp = async (question: Question, parts: CacheParts): Promise<LookUp> => {
  const { route, request, scope } = question;
  const control = parseCacheControl(question.cacheControl);
  const rule = route?.cache;
  if (rule === undefined || !mayBeCached(request, rule.maxTemperature, control)) return absent(control, 'bypass', null);
  const place = cachePlace(scope, request);
  const keeping = { freshMs: rule.ttl, staleMs: rule.staleWhileRevalidate, maxBytes: rule.maxEntryBytes };
  const remember = control.noStore
    ? null
    : keepBy(parts, async (answer) => {
        await parts.cache.set(place, answer, keeping);
        await question.similar?.keep(place, answer.completion);
      });
  if (control.noCache) return absent(control, 'bypass', remember);
  if (control.noStore || control.onlyIfCached || control.maxAgeMs !== null) {
    const answer = await parts.cache.get(place);
    const isGood = answer !== null && isAllowed(answer, control, parts.clock.now());
    if (isGood) return stored(place, answer, false);
    const near = await findSimilar(question, control, parts);
    return near ? storedSimilar(near) : absent(control, 'miss', remember);
  }
  return share(question, place, keeping, control, parts);
};

/** A hotter request is asked for its variety; a client that names an age has said that it wants the cache. */
const mayBeCached = ({ body }: Question['request'], maxTemperature: number, control: CacheControl): boolean =>
  !(control.noStore && control.noCache) &&
  // Asked for what it leaves at the provider, not only for the answer.
  body['store'] !== true &&
  ((body.temperature ?? DEFAULT_TEMPERATURE) <= maxTemperature || control.maxAgeMs !== null);

/** https://platform.openai.com/docs/api-reference/chat/create, `temperature`. */
const DEFAULT_TEMPERATURE = 1;

/** A stale answer is for clients that are not particular about age. */
const isAllowed = ({ storedAt, freshUntil }: StoredAnswer, { maxAgeMs }: CacheControl, now: number): boolean =>
  maxAgeMs === null || (now - storedAt <= maxAgeMs && now < freshUntil);

const absent = (control: CacheControl, status: CacheStatus, remember: Remember | null): LookUp => {
  if (control.onlyIfCached) throw new GatewayError('not_cached', 'No stored answer, and only-if-cached was asked for.');
  return { kind: 'absent', status, flight: null, remember };
};

const stored = (place: CachePlace, answer: StoredAnswer, needsRefresh: boolean): LookUp => ({
  kind: 'stored',
  status: 'hit',
  place,
  answer,
  needsRefresh,
  similar: null,
});

const storedSimilar = (similar: SimilarAnswer): LookUp => ({
  kind: 'stored',
  status: 'semantic',
  place: similar.place,
  answer: similar.answer,
  needsRefresh: false,
  similar,
});

/** Never a stale one: that it is asked again is not known of this question. */
const findSimilar = async (
  { similar }: Question,
  control: CacheControl,
  { clock }: CacheParts,
): Promise<SimilarAnswer | null> => {
  if (similar === null) return null;
  const now = clock.now();
  return similar.find((answer) => answer.freshUntil > now && isAllowed(answer, control, now));
};

/** Follows an identical request, or leads. When a leader fails, one of its followers takes over, once. */
const share = async (
  question: Question,
  place: CachePlace,
  keeping: Keeping,
  control: CacheControl,
  parts: CacheParts,
): Promise<LookUp> => {
  const { signal, request, waiting } = question;
  for (let mayTakeOver = true; ; mayTakeOver = false) {
    const flight = parts.flights.find(place.key);
    if (flight === null) return lead(question, place, keeping, control, parts);
    try {
      const landing = await waiting(flight.follow(signal));
      if (landing.kind === 'stored') {
        return landing.similar ? storedSimilar(landing.similar) : stored(place, landing.answer, false);
      }
      const answer = request.isStream ? landing.answer : await waiting(toPlain(landing.answer));
      return { kind: 'shared', status: 'shared', place, answer };
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (signal.aborted || !mayTakeOver || OF_THE_REQUEST.has(error.code)) throw error;
    }
  }
};

/** An identical request would hear the same. Everything else may be the leader's own: its limits, its bad luck. */
const OF_THE_REQUEST: ReadonlySet<ErrorCode> = new Set([
  'invalid_value',
  'unsupported_parameter',
  'context_length_exceeded',
  'upstream_refused',
]);

const lead = async (
  question: Question,
  place: CachePlace,
  keeping: Keeping,
  control: CacheControl,
  parts: CacheParts,
): Promise<LookUp> => {
  const { signal, waiting, similar } = question;
  const flight = parts.flights.begin(place.key, signal);
  try {
    const claimed = await claimInTurn(place, {
      ...parts,
      signal: flight.signal,
      waiting,
      limitMs: OTHER_GATEWAY_LIMIT_MS,
    });
    if (claimed?.kind === 'stored') {
      flight.found(claimed.answer);
      return stored(place, claimed.answer, claimed.answer.freshUntil <= parts.clock.now());
    }
    const claim = claimed?.claim;
    const land = keepBy(
      parts,
      async (answer) => {
        await (claim ? claim.land(answer, keeping) : parts.cache.set(place, answer, keeping));
        await similar?.keep(place, answer.completion);
      },
      () => claim?.release(),
    );
    flight.keepBy(async (answer) => (answer === null ? claim?.release() : land(answer)));
    const near = await findSimilar(question, control, parts);
    if (near !== null) {
      await flight.foundSimilar(near);
      return storedSimilar(near);
    }
    return { kind: 'absent', status: 'miss', flight, remember: null };
  } catch (error) {
    await flight.failed(toGatewayError(error));
    throw error;
  }
};

const keepBy =
  ({ clock }: CacheParts, keep: (answer: CachedAnswer) => Promise<void>, pass?: () => unknown): Remember =>
  async (answer) => {
    if (isWorthKeeping(answer.completion)) await keep({ ...answer, storedAt: clock.now() });
    else await pass?.();
  };

/** Whether an answer may be served again: every choice ended by itself, with its text or with tool calls. */
const isWorthKeeping = ({ choices }: ChatCompletion): boolean =>
  choices.length > 0 && choices.every(({ finish_reason }) => finish_reason !== null && COMPLETE.has(finish_reason));

const COMPLETE: ReadonlySet<string> = new Set(['stop', 'tool_calls', 'function_call']);

/** The whole of an answer that may be coming as a stream. @throws what the stream breaks with. */
const toPlain = async (answer: FlyingAnswer): Promise<FlyingAnswer> => {
  if (answer.kind === 'plain') return answer;
  const folded = new FoldedAnswer();
  for await (const parts of answer.parts) for (const { chunk } of parts) folded.add(chunk);
  const completion = folded.completion();
  if (completion === null)
    throw new GatewayError('upstream_interrupted', 'The answer broke off.', { isRetryable: true });
  const { candidate, recorder } = answer;
  return { kind: 'plain', candidate, recorder, completion, text: JSON.stringify(completion) };
};
