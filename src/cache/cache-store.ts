import type { TokenCounts } from '../contract/ledger-entry.ts';
import type { ChatCompletion } from '../contract/openai.ts';

/** One complete, successful answer and who gave it. `storedAt` is Unix milliseconds. */
export type CachedAnswer = {
  completion: ChatCompletion;
  tokens: TokenCounts;
  tier: string;
  upstream: string;
  model: string;
  storedAt: number;
};

/** Port: answers by key. Bounded; may forget at any time. Keys hold the tenant, so a store never mixes two. */
export interface CacheStore {
  get(key: string): Promise<CachedAnswer | null>;
  set(key: string, answer: CachedAnswer, ttlMs: number): Promise<void>;
}
