import { createHash } from 'node:crypto';
import type { ChatRequest } from '../contract/chat-request.ts';
import { canonicalText } from './canonical-text.ts';

/** Fields that change where an answer goes or what is kept of the request, but never what the answer says. */
const WITHOUT_MEANING: ReadonlySet<string> = new Set([
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
  /** Every model the route may use, and where: a change of the set never serves old answers. */
  models: string[];
};

/** Where an answer is kept. Team and route are in it once more, so that entries can be found and cleared by them. */
export type CachePlace = {
  /** SHA-256 in hex over the scope, the tenant above all, and the request's canonical form. */
  key: string;
  team: string;
  route: string;
};

/**
 * Requests that mean the same have one place; any difference of meaning, of tenant or of the models that may answer gives
 * another. What counts as the same: see `canonicalText`.
 */
export const cachePlace = (scope: CacheScope, request: Pick<ChatRequest, 'body' | 'text'>): CachePlace => ({
  key: createHash('sha256')
    .update(JSON.stringify([scope.team, scope.route, scope.forcedTier, scope.models]))
    .update('\0')
    .update(canonicalText(request, WITHOUT_MEANING))
    .digest('hex'),
  team: scope.team,
  route: scope.route,
});
