import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import type { FoundKey } from './key-registry.ts';

/** Keys remembered at the same time; the one used longest ago is looked up anew beyond that. */
const MAX_KEYS = 10_000;
/** How long a key that was found before is still known while the store cannot be reached. */
const GRACE_MS = 10 * 60_000;

type Entry = { found: FoundKey; lookedUpAt: number; epoch: number };

/**
 * Keys as they were found, by digest. What is told of a change wins over what was looked up before it: `admit` refuses
 * an older version than one already known of, and a look-up that began before `forgetAll` counts for nothing later.
 */
export class KeyCache {
  readonly #clock: Pick<Clock, 'elapsed'>;
  readonly #maxAgeMs: number;
  readonly #entries = new LRUCache<string, Entry>({ max: MAX_KEYS });
  /** The least version that counts, by key id. */
  readonly #versions = new LRUCache<string, number>({ max: MAX_KEYS });
  #epoch = 0;

  constructor(clock: Pick<Clock, 'elapsed'>, maxAgeMs: number) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
  }

  /** Grows with `forgetAll`. Take it before a look-up, and hand it to `admit`. */
  get epoch(): number {
    return this.#epoch;
  }

  /** A key found at most the maximum age ago. */
  fresh(digest: string): FoundKey | null {
    const entry = this.#within(digest, this.#maxAgeMs);
    return entry?.epoch === this.#epoch ? entry.found : null;
  }

  /** A key found at most ten minutes ago, for when the store cannot be asked. */
  lastKnown(digest: string): FoundKey | null {
    return this.#within(digest, GRACE_MS)?.found ?? null;
  }

  /** @returns whether what was found is the latest that is known; if not, look it up again. */
  admit(digest: string, found: FoundKey | null, epoch: number): boolean {
    if (found === null) {
      this.#entries.delete(digest);
      return true;
    }
    if (found.key.version < (this.#versions.get(found.key.id) ?? 0)) return false;
    this.#entries.set(digest, { found, lookedUpAt: this.#clock.elapsed(), epoch });
    return true;
  }

  /** A key has changed: nothing older than `version` counts any more. */
  forget(id: string, version: number): void {
    this.#versions.set(id, Math.max(version, this.#versions.get(id) ?? 0));
    for (const [digest, { found }] of this.#entries.entries()) {
      if (found.key.id === id && found.key.version < version) this.#entries.delete(digest);
    }
  }

  /** News may have been missed: every key is looked up anew. */
  forgetAll(): void {
    this.#epoch++;
  }

  #within(digest: string, ageMs: number): Entry | null {
    const entry = this.#entries.get(digest);
    return entry !== undefined && this.#clock.elapsed() - entry.lookedUpAt < ageMs ? entry : null;
  }
}
