import type { RouteConfig } from '../config/schema.ts';
import { GatewayError } from '../contract/errors.ts';
import type { ChatCompletion, ChatCompletionRequest } from '../contract/openai.ts';
import type { CacheStatus } from '../contract/vocabulary.ts';
import { type CacheControl, parseCacheControl } from './cache-control.ts';
import { type CacheScope, cacheKey } from './cache-key.ts';
import type { CachedAnswer, CacheStore } from './cache-store.ts';

export type LookUp = {
  status: CacheStatus;
  /** Key of the answer, where one was looked for. */
  key: string | null;
  answer: CachedAnswer | null;
  /** Keeps a complete answer for the next one who asks; null where the route or the client forbids it. */
  remember: Remember | null;
};

export type Remember = (answer: CachedAnswer) => Promise<void>;

/**
 * The stored answer to an identical request of the same tenant, if the route caches and the client allows it.
 * @throws GatewayError `not_cached` when the client wants a stored answer or none (RFC 9111, section 5.2.1.7).
 */
export const lookUp = async (
  options: {
    route: RouteConfig | null;
    scope: CacheScope;
    body: ChatCompletionRequest;
    cacheControl: string | string[] | undefined;
    now: number;
  },
  store: CacheStore,
): Promise<LookUp> => {
  const ttlMs = options.route?.cache?.ttl;
  const control = parseCacheControl(options.cacheControl);
  if (ttlMs === undefined || (control.noStore && control.noCache)) return orRefuse(control, 'bypass', null, null);
  const key = cacheKey(options.scope, options.body);
  const remember = control.noStore ? null : (answer: CachedAnswer) => store.set(key, answer, ttlMs);
  if (control.noCache) return orRefuse(control, 'bypass', key, remember);
  const answer = await store.get(key);
  const isFresh = answer !== null && options.now - answer.storedAt <= control.maxAgeMs;
  return isFresh ? { status: 'hit', key, answer, remember: null } : orRefuse(control, 'miss', key, remember);
};

const orRefuse = (
  control: CacheControl,
  status: CacheStatus,
  key: string | null,
  remember: LookUp['remember'],
): LookUp => {
  if (control.onlyIfCached) throw new GatewayError('not_cached', 'No stored answer, and only-if-cached was asked for.');
  return { status, key, answer: null, remember };
};

/** Whether an answer may be served again: every choice ended by itself, with its text or with tool calls. */
export const isWorthKeeping = ({ choices }: ChatCompletion): boolean =>
  choices.every(({ finish_reason }) => finish_reason === 'stop' || finish_reason === 'tool_calls');
