import type { TokenCounts } from '../contract/ledger-entry.ts';
import type { ChatCompletion } from '../contract/openai.ts';
import type { CachePlace } from './cache-key.ts';

/** One complete, successful answer and who gave it. `storedAt` is Unix milliseconds. */
export type CachedAnswer = {
  completion: ChatCompletion;
  tokens: TokenCounts;
  tier: string;
  upstream: string;
  model: string;
  storedAt: number;
};

/** What a store keeps, with the moment it was made in Unix milliseconds. It must survive JSON. */
export type Keepable = { storedAt: number };

/** `freshUntil`, Unix milliseconds: after it the answer is stale, and may be served only while a new one is fetched. */
export type Stored<Kept extends Keepable> = Kept & { freshUntil: number };
export type StoredAnswer = Stored<CachedAnswer>;

/**
 * For how long an answer is fresh, for how long after that it may be served stale, and how long its JSON may be: a longer
 * one is not kept.
 */
export type Keeping = { freshMs: number; staleMs: number; maxBytes: number };

/**
 * The sole right, among all gateways that share the store, to fetch an answer. It lasts until it is landed or released,
 * or its holder dies.
 */
export type Claim<Kept extends Keepable = CachedAnswer> = {
  /** Stores the answer and gives the right back, in one step. */
  land(answer: Kept, keeping: Keeping): Promise<void>;
  release(): Promise<void>;
};

/**
 * `stored`: there it is. `mine`: there is none, and it is for the caller to fetch it. `taken`: another gateway is fetching
 * it; `changed` resolves when that has ended, or may have, and never rejects.
 */
export type Claimed<Kept extends Keepable = CachedAnswer> =
  | { kind: 'stored'; answer: Stored<Kept> }
  | { kind: 'mine'; claim: Claim<Kept> }
  | { kind: 'taken'; changed(): Promise<void> };

/** Which entries; what is left out does not restrict. `storedBefore` in Unix milliseconds. */
export type CacheFilter = { team?: string; route?: string; storedBefore?: number };

/** Entries of one team and route; `#…` for a team of which a store knows only the hash. */
export type CacheUsage = { team: string; route: string; entries: number; bytes: number };

/**
 * Port: answers by place. Bounded; may forget at any time; one that cannot be reached knows nothing, keeps nothing and
 * lets everybody fetch. Never rejects, but for `usage` and `clear`.
 */
export interface CacheStore<Kept extends Keepable = CachedAnswer> {
  get(place: CachePlace): Promise<Stored<Kept> | null>;
  set(place: CachePlace, answer: Kept, keeping: Keeping): Promise<void>;
  /** As `get`, and where there is nothing, asks for the right to fetch it; with `isRefresh`, whether or not there is. */
  claim(place: CachePlace, options?: { isRefresh?: boolean }): Promise<Claimed<Kept>>;
  /** What is held, by team and route. @throws GatewayError `cache_unavailable`. */
  usage(filter: CacheFilter): Promise<CacheUsage[]>;
  /** Forgets entries. @returns what was forgotten. @throws GatewayError `cache_unavailable`. */
  clear(filter: CacheFilter): Promise<CacheUsage[]>;
}
