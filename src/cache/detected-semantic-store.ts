import type { Logger } from '../lib/logger.ts';
import type { RedisConnection } from '../lib/redis-connection.ts';
import type { SemanticStore } from './semantic-store.ts';

export type DetectedSemanticOptions = {
  redis: RedisConnection;
  /** For a server that has vector sets. */
  shared: SemanticStore;
  /** For one that has none. */
  own: SemanticStore;
  logger: Logger;
};

/**
 * Questions in Redis where its server has vector sets (Redis 8), else in this process. The server is asked each time that a
 * connection was made: it may be another one by then. As long as none has answered nothing is found and nothing kept:
 * the answers that questions lead to are in the same Redis.
 */
export class DetectedSemanticStore implements SemanticStore {
  readonly #options: DetectedSemanticOptions;
  /** What the server said, and over which connection. */
  #known: { connection: number; hasVectorSets: boolean } | null = null;
  #asking: Promise<void> | null = null;

  constructor(options: DetectedSemanticOptions) {
    this.#options = options;
  }

  nearest: SemanticStore['nearest'] = async (...args) => (await this.#store())?.nearest(...args) ?? [];
  add: SemanticStore['add'] = async (...args) => (await this.#store())?.add(...args);
  observe: SemanticStore['observe'] = async (...args) => (await this.#store())?.observe(...args) ?? false;
  remove: SemanticStore['remove'] = async (...args) => (await this.#store())?.remove(...args) ?? false;
  usage: SemanticStore['usage'] = async (filter) => (await this.#store())?.usage(filter) ?? [];
  clear: SemanticStore['clear'] = async (filter) => (await this.#store())?.clear(filter) ?? [];

  /** Null as long as no server has answered. */
  async #store(): Promise<SemanticStore | null> {
    const { redis, shared, own } = this.#options;
    if (this.#known?.connection !== redis.connections) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = null;
      });
      await this.#asking;
    }
    if (this.#known === null) return null;
    return this.#known.hasVectorSets ? shared : own;
  }

  /** A user who may not ask what there is counts as one of a server without. */
  async #ask(): Promise<void> {
    const { redis, own, logger } = this.#options;
    const connection = redis.connections;
    const reply = await redis.use((client) => client.call('COMMAND', 'INFO', 'VADD', 'VSIM'));
    if (!reply.ok && reply.reason !== 'refused') return;
    const hasVectorSets = reply.ok && Array.isArray(reply.value) && reply.value.every((command) => command !== null);
    if (this.#known?.hasVectorSets !== hasVectorSets) {
      const place = hasVectorSets ? 'in vector sets of Redis' : 'in each gateway: Redis has no vector sets';
      logger.info(`questions of the semantic cache are kept ${place}`);
      if (hasVectorSets) await own.clear({});
    }
    this.#known = { connection, hasVectorSets };
  }
}
