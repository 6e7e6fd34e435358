import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { chat } from '../support/chat-client.ts';
import { FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

let upstream: FaultyUpstream;
let gateway: TestGateway;
const clock = new ManualClock(1_700_000_000_000);

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  const cache = { ttl: '60s', staleWhileRevalidate: '30s', maxTemperature: 0.5, maxEntryBytes: 1024 };
  const route = { cache, difficulty: undefined, tier: 'small', fallback: 'none' };
  gateway = await startGateway({
    clock,
    routes: twoTierRoutes({ small: upstream.url, large: upstream.url }, { route }),
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
beforeEach(() => {
  clock.advance(3_600_000);
  upstream.always(good);
  upstream.forget();
});

const say = (text: string) => upstream.always((call) => call.json(call.completion({ content: text })));
const ask = async (body: object = {}, headers: Record<string, string> = {}) => {
  const reply = await chat(gateway.url, { temperature: 0, ...body }, headers);
  const { 'x-rightsize-cache': cache, age, 'x-rightsize-reason': reason } = reply.headers;
  return { cache, age, reason, text: JSON.parse(reply.text).choices?.[0].message.content, status: reply.status };
};

test('a stale answer is served at once while a new one is fetched, by one call with its own ledger entry', async () => {
  say('old');
  expect(await ask()).toMatchObject({ cache: 'miss', text: 'old' });
  expect(upstream.calls).toHaveLength(1);
  clock.advance(59_000);
  expect(await ask()).toMatchObject({ cache: 'hit', age: '59', reason: 'cache hit' });
  clock.advance(11_000);
  const before = (await gateway.entries()).length;
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.always(async (call) => {
    await promise;
    call.json(call.completion({ content: 'new' }));
  });
  for (let request = 0; request < 3; request++) {
    expect(await ask()).toMatchObject({ cache: 'hit', text: 'old', age: '70', reason: 'cache hit, being refreshed' });
  }
  await upstream.untilCalls(2);
  resolve();
  await until(async () => (await gateway.entries()).length === before + 4);
  const refreshes = (await gateway.entries()).slice(before).filter(({ cache }) => cache === 'bypass');
  expect(refreshes).toMatchObject([{ outcome: 'ok', attempts: [{ outcome: 'ok' }] }]);
  expect(refreshes[0]?.costNanoUsd).toBeGreaterThan(0);
  expect(await ask()).toMatchObject({ cache: 'hit', text: 'new', age: '0' });
  expect(upstream.calls).toHaveLength(2);
});

test('when the time for stale answers is over too, the request waits for a new one', async () => {
  say('old');
  await ask();
  clock.advance(90_000);
  say('new');
  expect(await ask()).toMatchObject({ cache: 'miss', text: 'new' });
});

test('a client that is particular about age is never given a stale answer', async () => {
  say('old');
  await ask();
  clock.advance(61_000);
  say('new');
  expect(await ask({}, { 'cache-control': 'max-age=3600' })).toMatchObject({ cache: 'miss', text: 'new' });
});

test('a refresh that fails leaves the old answer', async () => {
  say('old');
  await ask();
  clock.advance(61_000);
  upstream.always((call) => call.json({ error: { message: 'no', type: 'server_error' } }, 500));
  await ask();
  await upstream.untilCalls(2);
  await upstream.untilIdle();
  expect(await ask()).toMatchObject({ cache: 'hit', text: 'old' });
});

test('a temperature above the limit of the route is not cached, unless the client asks for the cache', async () => {
  const hot = { temperature: 0.6 };
  expect((await ask(hot)).cache).toBe('bypass');
  expect((await ask(hot)).cache).toBe('bypass');
  expect((await ask({ temperature: undefined })).cache).toBe('bypass');
  expect((await ask(hot, { 'cache-control': 'max-age=60' })).cache).toBe('miss');
  expect((await ask(hot, { 'cache-control': 'max-age=60' })).cache).toBe('hit');
  expect((await ask({ temperature: 0.5 })).cache).toBe('miss');
});

test('a request to be stored at the provider reaches it', async () => {
  await ask();
  expect(await ask({ store: true })).toMatchObject({ cache: 'bypass', status: 200 });
});

test('an answer beyond the limit of the route is not kept', async () => {
  say('x'.repeat(1_100));
  expect((await ask()).cache).toBe('miss');
  expect((await ask()).cache).toBe('miss');
});
