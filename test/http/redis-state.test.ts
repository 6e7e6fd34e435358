import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RedisConnection } from '../../src/lib/redis-connection.ts';
import { FaultyUpstream } from '../support/faulty-upstream.ts';
import { connectRedis } from '../support/redis-connection.ts';
import { RedisServer } from '../support/redis-server.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

let server: RedisServer;
let redis: RedisConnection;
let upstream: FaultyUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  server = await RedisServer.start();
  redis = await connectRedis(server.url);
  upstream = await FaultyUpstream.start();
  gateway = await startGateway({ redis, routes: twoTierRoutes({ small: upstream.url, large: upstream.url }) });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  await redis.close();
  await server.close();
});

const readiness = async () => {
  const reply = await fetch(`${gateway.url}/readyz`);
  return { http: reply.status, ...((await reply.json()) as { status: string; services: Record<string, object> }) };
};
const metrics = async () => (await fetch(`${gateway.url}/metrics`)).text();

test('an outage of Redis degrades the gateway, makes it not unavailable, and can be seen in /metrics', async () => {
  expect(await readiness()).toMatchObject({
    http: 200,
    status: 'ready',
    services: { redis: { state: 'ready', detail: server.url } },
  });
  expect(await metrics()).toContain('rightsize_redis_up 1');
  await server.kill();
  await until(async () => (await readiness()).status === 'degraded');
  await redis.use((client) => client.ping());
  expect(await readiness()).toMatchObject({ http: 200, services: { redis: { state: 'down' } } });
  const text = await metrics();
  expect(text).toContain('rightsize_redis_up 0');
  expect(text).toContain('rightsize_redis_uses_total{result="disconnected"} 1');
  await server.start();
  await until(async () => (await readiness()).status === 'ready');
});
