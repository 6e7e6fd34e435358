import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import { decodeAnswer, encodeAnswer, readTimes } from './answer-codec.ts';
import type { CachePlace } from './cache-key.ts';
import type {
  CachedAnswer,
  CacheFilter,
  CacheStore,
  CacheUsage,
  Claimed,
  Keepable,
  Keeping,
  Stored,
} from './cache-store.ts';
import { UsageTable } from './usage-table.ts';

/** All entries together hold at most this many bytes; the least recently used go first. */
const MAX_BYTES = 64 * 1024 * 1024;
/** What an entry takes beside its bytes: key, place, links and the engine's book-keeping, about. */
const ENTRY_BYTES = 768;

type Entry = { place: CachePlace; bytes: Buffer };

/** Keeps answers in this process, as bytes: a hit cannot be changed by whoever reads it. */
export class MemoryCacheStore<Kept extends Keepable = CachedAnswer> implements CacheStore<Kept> {
  readonly #clock: Clock;
  readonly #entries: LRUCache<string, Entry>;
  readonly #refreshing = new Set<string>();

  constructor(clock: Clock, maxSize = MAX_BYTES) {
    this.#clock = clock;
    this.#entries = new LRUCache({ maxSize, sizeCalculation: ({ bytes }) => bytes.length + ENTRY_BYTES });
  }

  async get({ key }: CachePlace): Promise<Stored<Kept> | null> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    const answer = await decodeAnswer<Kept>(entry.bytes, this.#clock.now());
    if (answer === null) this.#entries.delete(key);
    return answer;
  }

  async set(place: CachePlace, answer: Kept, keeping: Keeping): Promise<void> {
    const bytes = await encodeAnswer(answer, keeping);
    if (bytes !== null) this.#entries.set(place.key, { place, bytes });
  }

  /** Within one process identical requests share a flight, so only refreshes can meet here. */
  async claim(place: CachePlace, { isRefresh = false } = {}): Promise<Claimed<Kept>> {
    const answer = isRefresh ? null : await this.get(place);
    if (answer !== null) return { kind: 'stored', answer };
    if (isRefresh && this.#refreshing.has(place.key)) return { kind: 'taken', changed: async () => {} };
    if (isRefresh) this.#refreshing.add(place.key);
    const release = async () => void this.#refreshing.delete(place.key);
    return {
      kind: 'mine',
      claim: {
        land: async (landed, keeping) => {
          await this.set(place, landed, keeping);
          await release();
        },
        release,
      },
    };
  }

  async usage(filter: CacheFilter): Promise<CacheUsage[]> {
    const table = new UsageTable();
    for (const { place, bytes } of this.#matching(filter)) table.add(place, bytes.length);
    return table.rows();
  }

  async clear(filter: CacheFilter): Promise<CacheUsage[]> {
    const table = new UsageTable();
    for (const { place, bytes } of [...this.#matching(filter)]) {
      this.#entries.delete(place.key);
      table.add(place, bytes.length);
    }
    return table.rows();
  }

  *#matching({ team, route, storedBefore }: CacheFilter): Generator<Entry> {
    for (const entry of this.#entries.values()) {
      const times = readTimes(entry.bytes);
      const isMeant =
        times !== null &&
        times.expiresAt > this.#clock.now() &&
        (team === undefined || entry.place.team === team) &&
        (route === undefined || entry.place.route === route) &&
        (storedBefore === undefined || times.storedAt < storedBefore);
      if (isMeant) yield entry;
    }
  }
}
