import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import { inOwnMemory } from '../lib/own-memory.ts';
import type { CachedVector, EmbeddingCache } from './embedding-cache.ts';

/** All vectors together hold at most this many bytes; the least recently used go first. */
const MAX_BYTES = 64 * 1024 * 1024;
/** What an entry takes beside its vector: key, number and links, about. */
const ENTRY_BYTES = 256;

type Entry = { vector: CachedVector; expiresAt: number };

/** Keeps vectors in this process. */
export class MemoryEmbeddingCache implements EmbeddingCache {
  readonly #clock: Clock;
  readonly #entries: LRUCache<string, Entry>;

  /** @param maxBytes for tests. */
  constructor(clock: Clock, maxBytes = MAX_BYTES) {
    this.#clock = clock;
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ vector }) => vector.bytes.length + ENTRY_BYTES,
    });
  }

  async get(keys: string[]): Promise<(CachedVector | null)[]> {
    const now = this.#clock.now();
    return keys.map((key) => {
      const entry = this.#entries.get(key);
      if (entry === undefined || entry.expiresAt > now) return entry?.vector ?? null;
      this.#entries.delete(key);
      return null;
    });
  }

  async set(entries: { key: string; vector: CachedVector }[], ttlMs: number): Promise<void> {
    const expiresAt = this.#clock.now() + ttlMs;
    for (const { key, vector } of entries) {
      // A slice of a large answer would keep all of it in memory.
      this.#entries.set(key, { vector: { ...vector, bytes: inOwnMemory(vector.bytes) }, expiresAt });
    }
  }
}
