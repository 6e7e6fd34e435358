import type { AppOptions } from './app-options.ts';
import { DetectedSemanticStore } from './cache/detected-semantic-store.ts';
import { MemoryCacheStore } from './cache/memory-cache-store.ts';
import { MemoryEmbeddingCache } from './cache/memory-embedding-cache.ts';
import { MemorySemanticStore } from './cache/memory-semantic-store.ts';
import { MemoryServedSimilar } from './cache/memory-served-similar.ts';
import type { RecordedReply } from './cache/recorded-reply.ts';
import { RedisCacheStore } from './cache/redis-cache-store.ts';
import { RedisEmbeddingCache } from './cache/redis-embedding-cache.ts';
import { RedisSemanticStore } from './cache/redis-semantic-store.ts';
import { RedisServedSimilar } from './cache/redis-served-similar.ts';
import { ReplyFlights } from './cache/reply-flights.ts';
import { SemanticFigures } from './cache/semantic-figures.ts';
import type { RedisConnection } from './lib/redis-connection.ts';
import type { Ports } from './ports.ts';
import { MemorySessionStore } from './routing/memory-session-store.ts';
import { RedisSessionStore } from './routing/redis-session-store.ts';

/** All replies to requests with an idempotency key, compressed, in memory; the least recently used go first. */
const MAX_REPLIES_BYTES = 32 * 1024 * 1024;

type StoreOptions = Pick<AppOptions, 'redis' | 'clock' | 'logger'>;

/** What gateways share through Redis, and what each keeps in memory without it. @param teams all there are now. */
export const openStores = (
  options: StoreOptions,
  teams: () => string[],
): Pick<Ports, 'cache' | 'embeddings' | 'semantic' | 'sessions'> & { replies: ReplyFlights } => {
  const { redis, clock } = options;
  if (redis !== undefined) return inRedis(redis, options, teams);
  return {
    cache: new MemoryCacheStore(clock),
    embeddings: new MemoryEmbeddingCache(clock),
    semantic: {
      store: new MemorySemanticStore(clock),
      served: new MemoryServedSimilar(),
      figures: new SemanticFigures(),
    },
    sessions: new MemorySessionStore(clock),
    replies: new ReplyFlights(new MemoryCacheStore<RecordedReply>(clock, MAX_REPLIES_BYTES), clock),
  };
};

const inRedis = (
  redis: RedisConnection,
  { clock, logger }: StoreOptions,
  teams: () => string[],
): ReturnType<typeof openStores> => {
  const own = new MemorySemanticStore(clock);
  const shared = new RedisSemanticStore({ redis, clock, teams });
  return {
    cache: new RedisCacheStore({ redis, clock, teams }),
    embeddings: new RedisEmbeddingCache(redis, clock),
    semantic: {
      store: new DetectedSemanticStore({ redis, shared, own, logger }),
      served: new RedisServedSimilar(redis, new MemoryServedSimilar()),
      figures: new SemanticFigures(),
    },
    sessions: new RedisSessionStore(redis, new MemorySessionStore(clock)),
    replies: new ReplyFlights(new RedisCacheStore<RecordedReply>({ redis, clock, teams, space: 'replies' }), clock),
  };
};
