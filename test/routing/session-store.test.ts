import { describe, expect, test } from 'vitest';
import { MemorySessionStore } from '../../src/routing/memory-session-store.ts';
import { RedisSessionStore } from '../../src/routing/redis-session-store.ts';
import type { SessionStore } from '../../src/routing/session.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { redisOfSuite } from '../support/redis-of-suite.ts';
import { until } from '../support/until.ts';

const shared = redisOfSuite();

const STATE = { rank: 1, upstream: 'up', model: 'vendor/m' };
const LATER = { rank: 2, upstream: 'other', model: 'n' };
const inRedis = () => new RedisSessionStore(shared.redis, new MemorySessionStore(new ManualClock()));

describe.each<[string, () => SessionStore]>([
  ['memory', () => new MemorySessionStore(new ManualClock())],
  ['Redis', inRedis],
])('a store of sessions in %s', (_, create) => {
  test('gives back what was kept last, by key', async () => {
    const store = create();
    expect(await store.get('a')).toBeNull();
    await store.set('a', STATE, 60_000);
    await store.set('b', LATER, 60_000);
    expect(await store.get('a')).toEqual(STATE);
    await store.set('a', LATER, 60_000);
    expect(await store.get('a')).toEqual(LATER);
  });
});

test('memory forgets a session when its time is over', async () => {
  const clock = new ManualClock();
  const store = new MemorySessionStore(clock);
  await store.set('a', STATE, 500);
  clock.advance(500);
  expect(await store.get('a')).toBeNull();
});

test('gateways that share Redis share sessions, which end by themselves', async () => {
  await inRedis().set('a', STATE, 60_000);
  expect(await inRedis().get('a')).toEqual(STATE);
  const [key = ''] = await shared.server.ask((client) => client.keys('*'));
  const ttl = await shared.server.ask((client) => client.pttl(key));
  expect(ttl).toBeGreaterThan(0);
  expect(ttl).toBeLessThanOrEqual(60_000);
});

test('a conversation keeps its tier through an outage, and after a restart with empty data', async () => {
  const store = inRedis();
  await store.set('a', STATE, 60_000);
  await shared.server.kill();
  await until(() => !shared.redis.isUsable);
  expect(await store.get('a')).toEqual(STATE);
  await store.set('a', LATER, 60_000);
  expect(await store.get('a')).toEqual(LATER);
  await shared.server.start();
  await until(() => shared.redis.isUsable);
  expect(await store.get('a')).toEqual(LATER);
});

test('what another program wrote there is no session', async () => {
  await inRedis().set('a', STATE, 60_000);
  const [key = ''] = await shared.server.ask((client) => client.keys('*'));
  for (const text of ['', '{', '{"rank":-1}', '[]']) {
    await shared.server.ask((client) => client.set(key, text));
    expect(await inRedis().get('a')).toBeNull();
  }
});
