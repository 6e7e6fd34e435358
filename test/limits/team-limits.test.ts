import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { chat } from '../support/chat-client.ts';
import { behaviours, FaultyUpstream, good, stallAfter } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

const KEY = { authorization: 'Bearer rs-research' };

let upstream: FaultyUpstream;
let gateway: TestGateway;
const clock = new ManualClock(1_700_000_000_000);

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url });
  gateway = await startGateway({
    clock,
    routes: {
      ...routes,
      routes: [{ name: 'default', tier: 'small', fallback: 'none' }],
      teams: { research: { limits: { requestsPerMinute: 5, tokensPerMinute: 20_000 } } },
    },
    keys: [
      { secret: 'rs-research', caller: { keyId: 'key_1', team: 'research' } },
      { secret: 'rs-other', caller: { keyId: 'key_2', team: 'other' } },
    ],
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
beforeEach(() => {
  clock.advance(61_000);
  upstream.always(good);
  upstream.forget();
});

test('a request over its team’s limit is a 429 with retry-after, recorded, and never reaches an upstream', async () => {
  const replies = await Promise.all(Array.from({ length: 10 }, () => chat(gateway.url, {}, KEY)));
  const refused = replies.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(5);
  expect(upstream.calls).toHaveLength(5);
  for (const { headers, text } of refused) {
    expect(JSON.parse(text).error).toMatchObject({ code: 'rate_limit_exceeded', type: 'requests' });
    expect(text).toContain('Please try again in');
    const seconds = Number(headers['retry-after']);
    expect(seconds).toBeGreaterThan(0);
    // Older official clients sleep however long they are told to.
    expect(seconds).toBeLessThanOrEqual(30);
  }
  const ids = new Set(refused.map(({ headers }) => headers['x-request-id']));
  const entries = (await gateway.entries()).filter(({ id }) => ids.has(id));
  expect(entries).toHaveLength(5);
  for (const entry of entries) {
    expect(entry).toMatchObject({ outcome: 'refused', status: 429, team: 'research', keyId: 'key_1', attempts: [] });
  }
  expect((await chat(gateway.url, {}, { authorization: 'Bearer rs-other' })).status).toBe(200);
  clock.advance(61_000);
  expect((await chat(gateway.url, {}, KEY)).status).toBe(200);
});

test('what a request reserved beyond its need is given back when it ends: answered, failed or left', async () => {
  const big = { max_tokens: 19_000 };
  expect((await chat(gateway.url, big, KEY)).status).toBe(200);
  upstream.always(behaviours['envelope 400']);
  expect((await chat(gateway.url, big, KEY)).status).toBe(400);

  upstream.always(stallAfter(1));
  const controller = new AbortController();
  const left = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: KEY,
    body: JSON.stringify({ model: 'auto', stream: true, messages: [{ role: 'user', content: 'hi' }], ...big }),
    signal: controller.signal,
  });
  await left.body!.getReader().read();
  // While it runs, its reservation leaves no room.
  expect((await chat(gateway.url, big, KEY)).status).toBe(429);
  const before = (await gateway.entries()).length;
  controller.abort();
  await gateway.untilEntries(before + 1);
  upstream.always(good);
  expect((await chat(gateway.url, big, KEY)).status).toBe(200);
});
