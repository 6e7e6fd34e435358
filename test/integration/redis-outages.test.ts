import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RedisConnection } from '../../src/lib/redis-connection.ts';
import { AnyUpstream, sendJson } from '../support/any-upstream.ts';
import { chat } from '../support/chat-client.ts';
import { ANSWER, FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { connectRedis } from '../support/redis-connection.ts';
import { RedisServer, vectorSetServers } from '../support/redis-server.ts';
import { SlowProxy } from '../support/slow-proxy.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

/** Long enough for a healthy Redis beside other work, short enough for the tests. */
const LIMIT_MS = 150;

const open: { close(): Promise<unknown> }[] = [];
const keep = <Thing extends { close(): Promise<unknown> }>(thing: Thing): Thing => {
  open.push(thing);
  return thing;
};
let upstream: FaultyUpstream;
let embedder: AnyUpstream;
let server: RedisServer;
let question = 0;

/** The machine's own, and one with vector sets where there is another. */
let program: string | undefined;

beforeEach(async () => {
  upstream = keep(await FaultyUpstream.start());
  embedder = keep(
    await AnyUpstream.start((request) =>
      sendJson(request, { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [1, 0] }] }),
    ),
  );
  server = keep(await RedisServer.start({ program }));
});
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

const start = async (
  url = server.url,
  commandTimeoutMs = LIMIT_MS,
): Promise<TestGateway & { redis: RedisConnection }> => {
  const redis = keep(await connectRedis(url, { commandTimeoutMs }));
  const cache = { ttl: '1h', semantic: { embeddings: 'sentences' } };
  const route = { cache, session: { ttl: '1h' }, difficulty: { largeShare: 0.5 } };
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url }, { route });
  const vectors = { kind: 'openai-compatible', url: embedder.url };
  const gateway = keep(
    await startGateway({
      routes: {
        ...routes,
        upstreams: { ...routes.upstreams, vectors },
        models: [{ name: 'sentences', upstream: 'vectors', model: 'minilm' }],
      },
      redis,
    }),
  );
  return { ...gateway, redis };
};
const body = (text: string) => ({ messages: [{ role: 'user', content: text }] });
const next = () => body(`Question ${++question}`);
const cacheOf = async (gateway: TestGateway, asked: object) =>
  (await chat(gateway.url, asked as Record<string, unknown>)).headers['x-rightsize-cache'];

/** Sixty requests, new ones and old ones, four at a time. @returns their statuses. */
const work = async (gateway: TestGateway): Promise<number[]> => {
  const statuses: number[] = [];
  const some = async () => {
    for (let request = 0; request < 15; request++) {
      const asked = request % 2 === 0 ? next() : body('The same again');
      const reply = await chat(gateway.url, { ...asked, stream: request % 3 === 0 });
      statuses.push(reply.status);
    }
  };
  await Promise.all([some(), some(), some(), some()]);
  return statuses;
};
const fine = Array(60).fill(200);

/** The cache serves again what it was given: Redis is in use. */
const untilCached = (gateway: TestGateway) => {
  const asked = next();
  return until(async () => (await cacheOf(gateway, asked)) === 'hit', 10_000, 'a hit');
};
const readiness = async (gateway: TestGateway) => {
  const reply = await fetch(`${gateway.url}/readyz`);
  return { http: reply.status, ...((await reply.json()) as { status: string; services: { redis: object } }) };
};

describe.each([undefined, ...vectorSetServers()])('no request fails, and Redis is used again by itself', (named) => {
  beforeAll(() => {
    program = named;
  });
  afterAll(() => {
    program = undefined;
  });

  test('when it is killed and comes back with empty data', async () => {
    const gateway = await start();
    await untilCached(gateway);
    const [before] = await Promise.all([work(gateway), server.kill()]);
    expect(before).toEqual(fine);
    expect(await work(gateway)).toEqual(fine);
    expect(await readiness(gateway)).toMatchObject({
      http: 200,
      status: 'degraded',
      services: { redis: { state: 'down' } },
    });
    await server.start();
    await untilCached(gateway);
    expect(await readiness(gateway)).toMatchObject({ status: 'ready' });
  });

  test('when it stops answering, for as long as it likes', async () => {
    const gateway = await start();
    await untilCached(gateway);
    server.freeze();
    expect(await work(gateway)).toEqual(fine);
    await until(async () => (await readiness(gateway)).status === 'degraded');
    const { uses } = gateway.redis.state();
    expect(await work(gateway)).toEqual(fine);
    // Nobody waits any more.
    expect(gateway.redis.state().uses.slow).toBe(uses.slow);
    server.thaw();
    await untilCached(gateway);
  });

  test('when every packet takes 200 ms', async () => {
    const proxy = keep(await SlowProxy.start(server.port));
    const gateway = await start(`redis://127.0.0.1:${proxy.port}`);
    await untilCached(gateway);
    proxy.delayMs = 200;
    expect(await work(gateway)).toEqual(fine);
    expect(gateway.redis.state().trips).toBeGreaterThan(0);
    proxy.delayMs = 0;
    await untilCached(gateway);
  });

  test('when its memory is full', async () => {
    const gateway = await start();
    await untilCached(gateway);
    await server.ask((client) => client.config('SET', 'maxmemory-policy', 'noeviction'));
    await server.ask((client) => client.config('SET', 'maxmemory', '1'));
    expect(await work(gateway)).toEqual(fine);
    expect(await readiness(gateway)).toMatchObject({ status: 'degraded', services: { redis: { state: 'degraded' } } });
    await server.ask((client) => client.config('SET', 'maxmemory', '0'));
    await untilCached(gateway);
  });

  test('when it is not there at the start', async () => {
    await server.kill();
    const redis = keep(await connectRedis(server.url, { commandTimeoutMs: LIMIT_MS, isReady: false }));
    const route = { cache: { ttl: '1h' } };
    const routes = twoTierRoutes({ small: upstream.url, large: upstream.url }, { route });
    const gateway = keep(await startGateway({ routes, redis }));
    expect(await work(gateway)).toEqual(fine);
    await server.start();
    await untilCached(gateway);
  });
});

describe('gateways that share Redis', () => {
  const answerOf = (text: string) => JSON.parse(text).choices[0].message.content;

  test('make one upstream call for 500 identical requests at once', async () => {
    const [one, two] = [await start(server.url, 5_000), await start(server.url, 5_000)];
    const asked = JSON.stringify({ model: 'auto', ...next() });
    const headers = { 'content-type': 'application/json' };
    const replies = Array.from({ length: 500 }, async (_, index) => {
      const { url } = index % 2 === 0 ? one : two;
      const reply = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: asked });
      return [reply.status, answerOf(await reply.text())].join();
    });
    expect(new Set(await Promise.all(replies))).toEqual(new Set([`200,${ANSWER}`]));
    expect(upstream.calls).toHaveLength(1);
  });

  test('make one upstream call for identical requests under way at both', async () => {
    const [one, two] = [await start(server.url, 5_000), await start(server.url, 5_000)];
    const { promise, resolve } = Promise.withResolvers<void>();
    upstream.always(async (call) => {
      await promise;
      good(call);
    });
    const asked = next();
    const replies = [one, two, one, two, one, two].map((gateway) => chat(gateway.url, asked));
    await upstream.untilCalls(1);
    const waiting = () => server.ask(async (client) => client.hget((await client.keys('*claim*'))[0] ?? '', 'w'));
    await until(async () => (await waiting()) === '1', 5_000, 'the other gateway waiting');
    resolve();
    const answers = await Promise.all(replies);
    expect(answers.map(({ text }) => answerOf(text))).toEqual(Array(6).fill(ANSWER));
    expect(upstream.calls).toHaveLength(1);
    expect(answers.map(({ headers }) => headers['x-rightsize-cache']).sort()).toEqual(
      expect.arrayContaining(['hit', 'hit', 'hit', 'miss']),
    );
  });

  test('serve each other’s answers', async () => {
    const [one, two] = [await start(server.url, 5_000), await start(server.url, 5_000)];
    const asked = next();
    expect(await cacheOf(one, asked)).toBe('miss');
    expect(await cacheOf(two, asked)).toBe('hit');
  });

  test('take over when the one that asks fails', async () => {
    const [one, two] = [await start(server.url, 5_000), await start(server.url, 5_000)];
    let isOpen = false;
    upstream.always(async (call) => {
      await until(() => isOpen);
      if (upstream.calls.length === 1) call.json({ error: { message: 'no', type: 'invalid_request_error' } }, 400);
      else good(call);
    });
    const asked = next();
    const first = chat(one.url, asked);
    await upstream.untilCalls(1);
    const second = chat(two.url, asked);
    const waiting = () => server.ask(async (client) => client.hget((await client.keys('*claim*'))[0] ?? '', 'w'));
    await until(async () => (await waiting()) === '1', 5_000, 'the other gateway waiting');
    isOpen = true;
    expect([(await first).status, (await second).status]).toEqual([400, 200]);
  });

  test('never serve answers of models that a route no longer has', async () => {
    const one = await start(server.url, 5_000);
    const asked = next();
    await cacheOf(one, asked);
    const redis = keep(await connectRedis(server.url));
    const other = keep(await FaultyUpstream.start());
    const route = { cache: { ttl: '1h' }, session: { ttl: '1h' }, difficulty: { largeShare: 0.5 } };
    const routes = twoTierRoutes({ small: upstream.url, large: other.url }, { route });
    const two = keep(await startGateway({ routes, redis }));
    expect(await cacheOf(two, asked)).toBe('miss');
  });
});

test('no request fails when Sentinel puts a replica in the place of a killed master, and the cache goes on there', async () => {
  const replica = keep(await RedisServer.start({ args: ['--replicaof', '127.0.0.1', String(server.port)] }));
  const role = () => replica.ask(async (client) => String(await client.info('replication')));
  await until(async () => (await role()).includes('master_link_status:up'), 10_000, 'the replica being in step');
  const sentinel = keep(await RedisServer.start({ sentinelOf: server.port }));
  await sentinel.ask((client) => client.call('SENTINEL', 'SET', 'main', 'down-after-milliseconds', '300'));
  const gateway = await start(`redis+sentinel://127.0.0.1:${sentinel.port}/main`);
  await untilCached(gateway);
  const watched = () => sentinel.ask(async (client) => String(await client.call('SENTINEL', 'REPLICAS', 'main')));
  await until(async () => (await watched()).includes(String(replica.port)), 15_000, 'Sentinel knowing the replica');
  const [during] = await Promise.all([work(gateway), server.kill()]);
  expect(during).toEqual(fine);
  await until(async () => (await role()).includes('role:master'), 15_000, 'the replica being the master');
  await untilCached(gateway);
  expect(await readiness(gateway)).toMatchObject({ status: 'ready', services: { redis: { state: 'ready' } } });
  expect(await work(gateway)).toEqual(fine);
});
