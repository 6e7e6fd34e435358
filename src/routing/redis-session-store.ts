import { z } from 'zod';
import type { RedisConnection } from '../lib/redis-connection.ts';
import type { SessionState, SessionStore } from './session.ts';

const SessionStateSchema = z.object({ rank: z.int().min(0), upstream: z.string(), model: z.string() });

/**
 * Remembers sessions in Redis, for all gateways that share it, and a copy of those that this one has seen in `local`: a
 * conversation keeps its tier through an outage as long as it stays with one gateway.
 */
export class RedisSessionStore implements SessionStore {
  readonly #redis: RedisConnection;
  readonly #local: SessionStore;

  constructor(redis: RedisConnection, local: SessionStore) {
    this.#redis = redis;
    this.#local = local;
  }

  async get(key: string): Promise<SessionState | null> {
    const found = await this.#redis.use((client) => client.get(this.#keyOf(key)));
    const shared = found.ok && found.value !== null ? parse(found.value) : null;
    return shared ?? this.#local.get(key);
  }

  async set(key: string, state: SessionState, ttlMs: number): Promise<void> {
    await this.#local.set(key, state, ttlMs);
    await this.#redis.use((client) => client.set(this.#keyOf(key), JSON.stringify(state), 'PX', Math.ceil(ttlMs)));
  }

  #keyOf(key: string): string {
    return this.#redis.key('session', key);
  }
}

/** Null for what another program may have written there. */
const parse = (text: string): SessionState | null => {
  try {
    return SessionStateSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
};
