import type { Logger } from '../lib/logger.ts';
import type { RedisConnection } from '../lib/redis-connection.ts';
import type { KeyNews } from './key-news.ts';

/** Key news over a channel of Redis. A message is `{"id":"key_…","version":3}`; what is none is left out. */
export class RedisKeyNews implements KeyNews {
  readonly #redis: RedisConnection;
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #channel: string;

  constructor(redis: RedisConnection, logger: Pick<Logger, 'warn'>) {
    this.#redis = redis;
    this.#logger = logger;
    this.#channel = redis.key('keys');
  }

  async tell(id: string, version: number): Promise<void> {
    const told = await this.#redis.use((client) => client.publish(this.#channel, JSON.stringify({ id, version })));
    if (!told.ok)
      this.#logger.warn({ id, reason: told.reason }, 'other gateways learn of a changed key a little later');
  }

  listen(onChange: (id: string, version: number) => void, onMissed: () => void): () => void {
    const hear = (message: string) => {
      const news = read(message);
      if (news !== null) onChange(news.id, news.version);
    };
    return this.#redis.subscribe(this.#channel, hear, onMissed);
  }
}

const read = (message: string): { id: string; version: number } | null => {
  try {
    const { id, version } = JSON.parse(message);
    return typeof id === 'string' && Number.isSafeInteger(version) ? { id, version } : null;
  } catch {
    return null;
  }
};
