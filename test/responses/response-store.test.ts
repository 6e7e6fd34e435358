import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RedisConnection } from '../../src/lib/redis-connection.ts';
import { MemoryResponseStore } from '../../src/responses/memory-response-store.ts';
import { RedisResponseStore } from '../../src/responses/redis-response-store.ts';
import { SqliteResponseStore } from '../../src/responses/sqlite-response-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { connectRedis } from '../support/redis-connection.ts';
import { RedisServer } from '../support/redis-server.ts';
import { describeResponseStore, storedResponse } from './response-store-contract.ts';

const temporary = () => mkdtempSync(join(tmpdir(), 'responses-'));

describeResponseStore('memory', async (clock, limits) => ({
  store: new MemoryResponseStore(clock, limits),
  remove: async () => {},
}));

describeResponseStore('SQLite', async (clock, limits) => {
  const directory = temporary();
  return {
    store: SqliteResponseStore.open({ directory, clock, limits }),
    remove: async () => rmSync(directory, { recursive: true }),
  };
});

let server: RedisServer;
let redis: RedisConnection;
beforeAll(async () => {
  // A cluster, so that scripts may touch only keys of one tag.
  server = await RedisServer.start({ isCluster: true });
  redis = await connectRedis(`redis+cluster://127.0.0.1:${server.port}`);
});
afterAll(async () => {
  await redis.close();
  await server.close();
});

describeResponseStore('Redis', async (clock, limits) => ({
  store: new RedisResponseStore({ redis, clock, limits }),
  remove: () => server.flush(),
}));

test('in Redis every key ends by itself, names neither team nor id, and gateways share what is kept', async () => {
  const clock = new ManualClock(1_800_000_000_000);
  const [one, two] = [new RedisResponseStore({ redis, clock }), new RedisResponseStore({ redis, clock })];
  await one.put(storedResponse('resp_1', { team: 'research' }));
  await two.put(storedResponse('resp_2', { team: 'research', previousId: 'resp_1' }));
  expect(await one.chain('research', 'resp_2')).toHaveLength(2);
  const keys = await server.ask((client) => client.keys('*'));
  expect(keys).toHaveLength(9);
  for (const key of keys) {
    expect(key).toMatch(/^test:1:response(-item|-order|-ends|-sizes)?:\{[0-9a-f]{32}\}(:[0-9a-f]{32})?$/);
    expect(await server.ask((client) => client.pttl(key))).toBeGreaterThan(29 * 86_400_000);
  }
  await one.delete('research', 'resp_1');
  await one.delete('research', 'resp_2');
  expect((await server.ask((client) => client.keys('*'))).filter((key) => !key.includes('sizes'))).toEqual([]);
});

test('while Redis is gone nothing is kept, and whoever names a response hears that it cannot be reached', async () => {
  const gone = await RedisServer.start();
  const connection = await connectRedis(gone.url);
  await gone.close();
  const store = new RedisResponseStore({ redis: connection, clock: new ManualClock(0) });
  const unavailable = { code: 'response_store_unavailable', status: 503 };
  await expect(store.put(storedResponse('resp_1'))).rejects.toMatchObject(unavailable);
  await expect(store.chain('a', 'resp_1')).rejects.toMatchObject(unavailable);
  await expect(store.items('a', ['msg_1'])).rejects.toMatchObject(unavailable);
  await connection.close();
});

test('the SQLite file is its owner’s alone, survives a restart, and serves two processes at once', async () => {
  const directory = temporary();
  const clock = new ManualClock(1_800_000_000_000);
  const first = SqliteResponseStore.open({ directory, clock });
  await first.put(storedResponse('resp_1'));
  const second = SqliteResponseStore.open({ directory, clock });
  await second.put(storedResponse('resp_2', { previousId: 'resp_1' }));
  expect(await first.chain('a', 'resp_2')).toHaveLength(2);
  await Promise.all([first.close(), second.close()]);
  expect(statSync(join(directory, 'responses.sqlite')).mode & 0o777).toBe(0o600);
  const again = SqliteResponseStore.open({ directory, clock });
  expect(await again.chain('a', 'resp_2')).toHaveLength(2);
  await again.close();
  rmSync(directory, { recursive: true });
});

test('a file that is no database is an error that names it', () => {
  const directory = temporary();
  rmSync(directory, { recursive: true });
  expect(() => SqliteResponseStore.open({ directory: '/dev/null/x', clock: new ManualClock(0) })).toThrow(
    /Cannot open the stored responses \/dev\/null\/x\/responses\.sqlite/,
  );
});
