import { describe, expect, test } from 'vitest';
import type { CachedVector, EmbeddingCache } from '../../src/cache/embedding-cache.ts';
import { MemoryEmbeddingCache } from '../../src/cache/memory-embedding-cache.ts';
import { RedisEmbeddingCache } from '../../src/cache/redis-embedding-cache.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { redisOfSuite } from '../support/redis-of-suite.ts';
import { until } from '../support/until.ts';

const shared = redisOfSuite();

const vector = (...values: number[]): CachedVector => ({
  bytes: Buffer.from(Float32Array.from(values).buffer),
  tokens: values.length,
});

describe.each<[string, (clock: ManualClock) => EmbeddingCache]>([
  ['memory', (clock) => new MemoryEmbeddingCache(clock)],
  ['Redis', (clock) => new RedisEmbeddingCache(shared.redis, clock)],
])('a cache of vectors in %s', (_, create) => {
  test('gives what is there in the order asked for, byte for byte, until its time is over', async () => {
    const clock = new ManualClock(1_700_000_000_000);
    const cache = create(clock);
    const [a, b] = [vector(1, -2.5, 3e-20), vector(4)];
    await cache.set([{ key: 'a', vector: a }], 500);
    await cache.set([{ key: 'b', vector: b }], 1_000);
    expect(await cache.get(['b', 'none', 'a'])).toEqual([b, null, a]);
    clock.advance(500);
    expect(await cache.get(['b', 'a'])).toEqual([b, null]);
  });

  test('holds a whole batch', async () => {
    const cache = create(new ManualClock(1));
    const keys = Array.from({ length: 2_048 }, (_each, index) => `key ${index}`);
    await cache.set(
      keys.map((key, index) => ({ key, vector: vector(index) })),
      60_000,
    );
    expect(await cache.get(keys)).toEqual(keys.map((_each, index) => vector(index)));
  });
});

test('a vector that is kept in memory keeps no memory of others', async () => {
  const cache = new MemoryEmbeddingCache(new ManualClock(1));
  await cache.set([{ key: 'a', vector: vector(1, 2) }], 1_000);
  const [kept] = await cache.get(['a']);
  expect(kept?.bytes.buffer.byteLength).toBe(8);
});

test('without Redis nothing is found, and nothing fails', async () => {
  const cache = new RedisEmbeddingCache(shared.redis, new ManualClock(1));
  await shared.server.kill();
  await until(() => !shared.redis.isUsable);
  await cache.set([{ key: 'a', vector: vector(1) }], 1_000);
  expect(await cache.get(['a', 'b'])).toEqual([null, null]);
  await shared.server.start();
  await until(() => shared.redis.isUsable);
});

test('bytes of another program are no vector', async () => {
  const cache = new RedisEmbeddingCache(shared.redis, new ManualClock(1));
  await cache.set([{ key: 'a', vector: vector(1) }], 60_000);
  const [key = ''] = await shared.server.ask((client) => client.keys('*'));
  for (const bytes of ['', 'nonsense', 'x'.repeat(15)]) {
    await shared.server.ask((client) => client.set(key, bytes));
    expect(await cache.get(['a'])).toEqual([null]);
  }
});
