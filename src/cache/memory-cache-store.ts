import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import type { CachedAnswer, CacheStore } from './cache-store.ts';

/** All entries together hold at most this many bytes of JSON; the least recently used go first. */
const MAX_BYTES = 64 * 1024 * 1024;
/** A longer answer is not kept. */
const MAX_ENTRY_BYTES = 1024 * 1024;

type Entry = { json: string; expiresAt: number };

/** Keeps answers in this process, as JSON: a hit cannot be changed by whoever reads it. */
export class MemoryCacheStore implements CacheStore {
  readonly #clock: Clock;
  readonly #entries = new LRUCache<string, Entry>({
    maxSize: MAX_BYTES,
    maxEntrySize: MAX_ENTRY_BYTES,
    sizeCalculation: ({ json }, key) => json.length + key.length,
  });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async get(key: string): Promise<CachedAnswer | null> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (entry.expiresAt > this.#clock.now()) return JSON.parse(entry.json) as CachedAnswer;
    this.#entries.delete(key);
    return null;
  }

  async set(key: string, answer: CachedAnswer, ttlMs: number): Promise<void> {
    this.#entries.set(key, { json: JSON.stringify(answer), expiresAt: this.#clock.now() + ttlMs });
  }
}
