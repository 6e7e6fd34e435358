import { createHash } from 'node:crypto';
import type { ChatCompletionRequest } from '../contract/openai.ts';

/** Fields that change where an answer goes or what is kept of the request, but never what the answer says. */
const WITHOUT_MEANING = new Set([
  'stream',
  'stream_options',
  'metadata',
  'user',
  'safety_identifier',
  'store',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'service_tier',
]);

export type CacheScope = {
  /** Two tenants never share an entry. */
  team: string;
  route: string;
  forcedTier: string | null;
  /** `upstream/model` of every model the route may use: a change of the set never serves old answers. */
  models: string[];
};

/**
 * The key of a request's answer: SHA-256 in hex over its scope and its canonical form. Key order and fields that are
 * absent or null make no difference; anything else does.
 */
export const cacheKey = (scope: CacheScope, body: ChatCompletionRequest): string => {
  const meaningful = Object.fromEntries(Object.entries(body).filter(([key]) => !WITHOUT_MEANING.has(key)));
  return createHash('sha256')
    .update(JSON.stringify([scope.team, scope.route, scope.forcedTier, scope.models]))
    .update('\0')
    .update(JSON.stringify(canonical(meaningful)))
    .digest('hex');
};

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(
    members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, canonical(member)]),
  );
};
