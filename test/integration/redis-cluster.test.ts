import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RedisConnection } from '../../src/lib/redis-connection.ts';
import { RedisResponseStore } from '../../src/responses/redis-response-store.ts';
import { AnyUpstream, sendJson } from '../support/any-upstream.ts';
import { chat, post } from '../support/chat-client.ts';
import { FaultyUpstream } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { connectRedis } from '../support/redis-connection.ts';
import { type RedisServer, startRedisCluster, vectorSetServers } from '../support/redis-server.ts';
import { ADMIN_KEY, startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

const QUESTIONS = 12;

/** Everything that gateways share, on three nodes: each script must find all of its keys on one of them. */
describe.each([undefined, ...vectorSetServers()])('a gateway with a cluster of three nodes', (program) => {
  let upstream: FaultyUpstream;
  let embedder: AnyUpstream;
  let nodes: RedisServer[];
  let redis: RedisConnection;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await FaultyUpstream.start();
    embedder = await AnyUpstream.start((request) =>
      sendJson(request, { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [1, 0] }] }),
    );
    nodes = await startRedisCluster(3, { program });
    redis = await connectRedis(`redis+cluster://127.0.0.1:${nodes[0]?.port}`);
    const limits = { requestsPerMinute: 1_000, concurrentRequests: 100, tokensPerMinute: 1_000_000 };
    const cache = { ttl: '1h', semantic: { embeddings: 'sentences' } };
    const route = { cache, limits, budget: { usd: 5, per: 'day' }, session: { ttl: '1h' } };
    const routes = twoTierRoutes({ small: upstream.url, large: upstream.url }, { route });
    // Time stands still: on a busy machine no embedding comes too late.
    const clock = new ManualClock(Date.now());
    gateway = await startGateway({
      clock,
      routes: {
        ...routes,
        upstreams: { ...routes.upstreams, vectors: { kind: 'openai-compatible', url: embedder.url } },
        models: [{ name: 'sentences', upstream: 'vectors', model: 'minilm' }],
      },
      redis,
      responses: new RedisResponseStore({ redis, clock }),
    });
  });
  afterAll(async () => {
    await gateway.close();
    await redis.close();
    for (const each of [upstream, embedder, ...nodes]) await each.close();
  });

  const ask = async (number: number) => {
    const { status, headers } = await chat(gateway.url, {
      messages: [
        { role: 'system', content: `Prompt ${number}` },
        { role: 'user', content: `Question ${number}` },
      ],
    });
    return [status, headers['x-rightsize-cache'], headers['x-ratelimit-limit-requests']];
  };
  const askAll = () => Promise.all(Array.from({ length: QUESTIONS }, (_, number) => ask(number)));
  const all = (cache: string) => Array.from({ length: QUESTIONS }, () => [200, cache, '1000']);

  test('keeps, finds, limits, goes on and clears, and no command is refused', async () => {
    expect(await askAll()).toEqual(all('miss'));
    expect(await askAll()).toEqual(all('hit'));
    const sizes = await Promise.all(nodes.map((node) => node.ask((client) => client.dbsize())));
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    const first = await post(gateway.url, { model: 'auto', input: 'My name is Ada.' }, {}, '/v1/responses');
    const { id } = JSON.parse(first.text) as { id: string };
    const more = { model: 'auto', input: 'What is it?', previous_response_id: id };
    expect((await post(gateway.url, more, {}, '/v1/responses')).status).toBe(200);
    const cleared = await fetch(`${gateway.url}/admin/api/cache`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
    });
    const report = (await cleared.json()) as { entries: number; questions: { entries: number } };
    expect(report.entries).toBeGreaterThanOrEqual(QUESTIONS);
    expect(report.questions.entries).toBeGreaterThanOrEqual(QUESTIONS);
    const { refused, slow, disconnected } = redis.state().uses;
    expect({ refused, slow, disconnected }).toEqual({ refused: 0, slow: 0, disconnected: 0 });
  });

  test('loses a node and fails no request', async () => {
    await askAll();
    await nodes[2]?.kill();
    expect((await askAll()).map(([status]) => status)).toEqual(Array(QUESTIONS).fill(200));
  });
});
