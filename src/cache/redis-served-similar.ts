import { z } from 'zod';
import type { RedisConnection } from '../lib/redis-connection.ts';
import type { Served, ServedSimilar } from './served-similar.ts';
import { teamHash } from './team-hash.ts';

/** How long a request can be told good or bad. */
const LIFE_MS = 24 * 3_600_000;

const ServedSchema = z.object({
  partition: z.object({ id: z.string(), team: z.string(), route: z.string() }),
  key: z.string(),
  similarity: z.number().nullable(),
});

/** Knows the requests of all gateways that share a Redis, and those of this one without it. */
export class RedisServedSimilar implements ServedSimilar {
  readonly #redis: RedisConnection;
  readonly #local: ServedSimilar;

  constructor(redis: RedisConnection, local: ServedSimilar) {
    this.#redis = redis;
    this.#local = local;
  }

  async note(requestId: string, served: Served): Promise<void> {
    await this.#local.note(requestId, served);
    const key = this.#keyOf(requestId, served.partition.team);
    await this.#redis.use((client) => client.set(key, JSON.stringify(served), 'PX', LIFE_MS));
  }

  async find(requestId: string, team: string): Promise<Served | null> {
    const local = await this.#local.find(requestId, team);
    if (local !== null) return local;
    const found = await this.#redis.use((client) => client.get(this.#keyOf(requestId, team)));
    const served = found.ok && found.value !== null ? parse(found.value) : null;
    return served?.partition.team === team ? served : null;
  }

  #keyOf(requestId: string, team: string): string {
    return this.#redis.key('semantic-served', teamHash(team), requestId);
  }
}

/** Null for what another program may have written there. */
const parse = (text: string): Served | null => {
  try {
    return ServedSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
};
