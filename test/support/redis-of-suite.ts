import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { RedisConnection } from '../../src/lib/redis-connection.ts';
import { connectRedis } from './redis-connection.ts';
import { RedisServer } from './redis-server.ts';

/** A Redis for all tests of a file, empty before each; it is there from the first of them on. */
export const redisOfSuite = (): { server: RedisServer; redis: RedisConnection } => {
  const used = {} as { server: RedisServer; redis: RedisConnection };
  beforeAll(async () => {
    used.server = await RedisServer.start();
    used.redis = await connectRedis(used.server.url);
  });
  afterAll(async () => {
    await used.redis.close();
    await used.server.close();
  });
  beforeEach(() => used.server.flush());
  return used;
};
