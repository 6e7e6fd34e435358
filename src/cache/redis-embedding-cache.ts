import type { Clock } from '../lib/clock.ts';
import type { RedisConnection } from '../lib/redis-connection.ts';
import type { CachedVector, EmbeddingCache } from './embedding-cache.ts';

/** Expiry in Unix milliseconds as a double, tokens as 32 bits; the vector follows. */
const HEADER_BYTES = 12;

/** Keeps vectors in Redis, for all gateways that share it. One that cannot be reached has none, and keeps none. */
export class RedisEmbeddingCache implements EmbeddingCache {
  readonly #redis: RedisConnection;
  readonly #clock: Clock;

  constructor(redis: RedisConnection, clock: Clock) {
    this.#redis = redis;
    this.#clock = clock;
  }

  /** One round trip: the commands leave together, in a cluster to each node its own. */
  async get(keys: string[]): Promise<(CachedVector | null)[]> {
    const found = await this.#redis.use((client) => Promise.all(keys.map((key) => client.getBuffer(this.#keyOf(key)))));
    return found.ok ? found.value.map((bytes) => this.#read(bytes)) : keys.map(() => null);
  }

  async set(entries: { key: string; vector: CachedVector }[], ttlMs: number): Promise<void> {
    const expiresAt = this.#clock.now() + ttlMs;
    await this.#redis.use((client) =>
      Promise.all(
        entries.map(({ key, vector }) =>
          client.set(this.#keyOf(key), write(vector, expiresAt), 'PX', Math.ceil(ttlMs)),
        ),
      ),
    );
  }

  #keyOf(key: string): string {
    return this.#redis.key('embedding', key);
  }

  #read(bytes: Buffer | null): CachedVector | null {
    if (bytes === null || bytes.length < HEADER_BYTES || (bytes.length - HEADER_BYTES) % 4 !== 0) return null;
    if (bytes.readDoubleBE(0) <= this.#clock.now()) return null;
    return { tokens: bytes.readUInt32BE(8), bytes: bytes.subarray(HEADER_BYTES) };
  }
}

const write = ({ bytes, tokens }: CachedVector, expiresAt: number): Buffer => {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeDoubleBE(expiresAt, 0);
  header.writeUInt32BE(Math.min(Math.max(0, Math.round(tokens)), 0xffff_ffff), 8);
  return Buffer.concat([header, bytes]);
};
