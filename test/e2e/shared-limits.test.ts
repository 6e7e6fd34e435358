import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LEASE_MS } from '../../src/limits/counter-store.ts';
import { chat, type RawReply } from '../support/chat-client.ts';
import { FaultyUpstream, good, stallAfter } from '../support/faulty-upstream.ts';
import { RedisServer } from '../support/redis-server.ts';
import { CliProcess, runCli, temporaryDirectory } from '../support/run-cli.ts';
import { twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

/** Two gateway processes, each with its own ledger, and one Redis between them. */
let redis: RedisServer;
let upstream: FaultyUpstream;
let gateways: { process: CliProcess; url: string; directory: string }[];

const BUDGET_USD = 0.0205;
/** At 10 USD for a million tokens 0.001 USD, so that some twenty requests fit at one time. */
const ANSWER_TOKENS = 100;

beforeAll(async () => {
  [redis, upstream] = await Promise.all([RedisServer.start(), FaultyUpstream.start()]);
  const routes = {
    ...twoTierRoutes({ small: upstream.url, large: upstream.url }),
    responses: { keepIn: 'redis' },
    routes: ['one', 'two', 'three', 'four', 'five'].map((name) => ({
      name,
      match: { model: name },
      tier: 'large',
      fallback: 'none',
      budget: { usd: name === 'three' ? 0.0011 : BUDGET_USD, per: 'total' },
      ...(name === 'four' && { limits: { requestsPerMinute: 10, concurrentRequests: 50 } }),
    })),
  };
  const starting = ['a', 'b'].map(async () => {
    const directory = temporaryDirectory();
    const config = join(directory, 'routes.yaml');
    writeFileSync(config, JSON.stringify(routes));
    const process = new CliProcess(['serve', '--port', '0', '--config', config, '--data-dir', directory], {
      REDIS_URL: redis.url,
      // A loaded machine is no fault of Redis.
      RIGHTSIZE_REDIS_TIMEOUT_MS: '5000',
    });
    return { process, url: await process.url(), directory };
  });
  gateways = await Promise.all(starting);
}, 60_000);
afterAll(async () => {
  for (const { process } of gateways) process.kill('SIGTERM');
  await Promise.all(gateways.map(({ process }) => process.exited));
  for (const { directory } of gateways) rmSync(directory, { recursive: true, force: true });
  await Promise.all([redis.close(), upstream.close()]);
});

const ask = (gateway: number, model: string, body: object = {}): Promise<RawReply> =>
  chat(gateways[gateway]!.url, { model, max_tokens: ANSWER_TOKENS, ...body });
const askMany = (count: number, model: string): Promise<RawReply[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => ask(index % 2, model)));
const spentUsd = (replies: RawReply[]): number =>
  replies.reduce((sum, { headers }) => sum + Number(headers['x-rightsize-cost-usd'] ?? 0), 0);
const withStatus = (replies: RawReply[], status: number) => replies.filter((reply) => reply.status === status);
const limitsOf = async (gateway: number): Promise<string> => {
  const { services } = (await (await fetch(`${gateways[gateway]!.url}/readyz`)).json()) as {
    services: { limits: { state: string } };
  };
  return services.limits.state;
};

test('a response that one gateway stored is gone on from at the other', async () => {
  upstream.always(good);
  const [one, two] = gateways.map(({ url }) => url) as [string, string];
  const send = async (url: string, body: object) => {
    const reply = await fetch(`${url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'five', ...body }),
    });
    return { status: reply.status, body: (await reply.json()) as { id: string } };
  };
  const first = await send(one, { input: 'My name is Ada.' });
  expect((await fetch(`${two}/v1/responses/${first.body.id}`)).status).toBe(200);
  const second = await send(two, { input: 'What is my name?', previous_response_id: first.body.id });
  expect(second.status).toBe(200);
  expect(JSON.stringify(upstream.calls.at(-1)?.body)).toContain('My name is Ada.');
});

test('two hundred requests through two processes never spend more than one budget', async () => {
  const before = upstream.calls.length;
  const replies = await askMany(200, 'one');
  const answered = withStatus(replies, 200);
  expect(answered.length + withStatus(replies, 429).length).toBe(200);
  expect(answered.length).toBeGreaterThanOrEqual(19);
  expect(upstream.calls.length - before).toBe(answered.length);
  expect(spentUsd(replies)).toBeLessThanOrEqual(BUDGET_USD);
  expect(spentUsd(replies)).toBeGreaterThan(0);
});

test('a rate holds for both processes together', async () => {
  const replies = await askMany(40, 'four');
  expect(withStatus(replies, 200)).toHaveLength(10);
  expect(withStatus(replies, 429)).toHaveLength(30);
});

test('when Redis is killed in the middle, requests go on, and each process keeps to what was last known', async () => {
  const before = await askMany(20, 'two');
  expect(withStatus(before, 200).length).toBeGreaterThan(0);
  const running = askMany(60, 'two');
  await redis.kill();
  const replies = [...before, ...(await running), ...(await askMany(20, 'two'))];
  expect(withStatus(replies, 200).length + withStatus(replies, 429).length).toBe(replies.length);
  // Each may spend what was left at most.
  expect(spentUsd(replies)).toBeLessThanOrEqual(2 * BUDGET_USD);
  expect(await limitsOf(0)).toBe('degraded');

  await redis.start();
  // Each tells the empty Redis what is in its ledger, and then both know the sum.
  await until(async () => {
    replies.push(await ask(0, 'two'), await ask(1, 'two'));
    return (await limitsOf(0)) === 'ready' && (await limitsOf(1)) === 'ready';
  });
  const spent = Number(
    await redis.ask((client) => client.hget('rightsize:1:{limits}:budget:route:two:total', 'spent')),
  );
  expect(spent / 1e9).toBeCloseTo(spentUsd(replies), 9);
});

test('what a process held when it was killed is free again when its leases have ended', async () => {
  upstream.always(stallAfter(1));
  const stream = await fetch(`${gateways[0]!.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({
      model: 'three',
      stream: true,
      max_tokens: ANSWER_TOKENS,
      messages: [{ role: 'user', content: 'hi' }],
    }),
  });
  await stream.body!.getReader().read();
  upstream.always(good);
  gateways[0]!.process.kill('SIGKILL');
  await gateways[0]!.process.exited;
  expect((await ask(1, 'three')).status).toBe(429);
  // Redis tells the time: what is in it grows older by the length of a lease.
  await redis.ask(async (client) => {
    const leases = 'rightsize:1:{limits}:budget:route:three:total:leases';
    for (const id of await client.zrange(leases, '0', '-1')) await client.zincrby(leases, String(-LEASE_MS), id);
  });
  expect((await ask(1, 'three')).status).toBe(200);
});

test('responses in a Redis that is not named are told before the start', async () => {
  const directory = temporaryDirectory();
  const config = join(directory, 'routes.yaml');
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url });
  writeFileSync(config, JSON.stringify({ ...routes, responses: { keepIn: 'redis' } }));
  const { code, stderr } = await runCli(['serve', '--port', '0', '--config', config, '--data-dir', directory]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('needs REDIS_URL')]);
  rmSync(directory, { recursive: true, force: true });
});
