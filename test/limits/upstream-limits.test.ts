import { afterEach, beforeEach, expect, test } from 'vitest';
import { chat, type RawReply } from '../support/chat-client.ts';
import { FaultyUpstream, good, stallAfter } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

let small: FaultyUpstream;
let large: FaultyUpstream;
let gateway: TestGateway;
let clock: ManualClock;
beforeEach(async () => {
  clock = new ManualClock(Date.UTC(2026, 10, 22));
  [small, large] = await Promise.all([FaultyUpstream.start(), FaultyUpstream.start()]);
});
afterEach(async () => {
  await gateway.close();
  await Promise.all([small.close(), large.close()]);
});

const start = async (limits: object, route: object = {}): Promise<void> => {
  const routes = twoTierRoutes(
    { small: small.url, large: large.url },
    { route: { difficulty: undefined, tier: 'small', ...route } },
  );
  const { upstreams } = routes;
  gateway = await startGateway({
    clock,
    routes: { ...routes, upstreams: { ...upstreams, 'up-small': { ...upstreams['up-small'], limits } } },
  });
};
const ask = (): Promise<RawReply> => chat(gateway.url, { max_tokens: 10 });

test('a saturated upstream is passed over for the next, and no attempt is recorded for it', async () => {
  await start({ requestsPerMinute: 2 });
  const replies = await Promise.all(Array.from({ length: 5 }, ask));
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect([small.calls.length, large.calls.length]).toEqual([2, 3]);
  const passed = replies.filter(({ headers }) => headers['x-rightsize-tier'] === 'large');
  for (const { headers } of passed) {
    expect(headers['x-rightsize-reason']).toContain('up-small: at its limit of 2 requests per minute');
    expect(headers['x-rightsize-attempts']).toBe('1');
  }
  clock.advance(61_000);
  expect((await ask()).headers['x-rightsize-tier']).toBe('small');
});

test('when every model that may answer is saturated the client gets 429 with the time to wait', async () => {
  await start({ requestsPerMinute: 1 }, { fallback: 'none' });
  expect((await ask()).status).toBe(200);
  const refused = await ask();
  expect(refused.status).toBe(429);
  expect(JSON.parse(refused.text).error).toMatchObject({ code: 'upstream_rate_limited', type: 'requests' });
  expect(refused.text).toContain('Please try again in');
  expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(30);
  expect(small.calls).toHaveLength(1);
});

test('a place is given back when the answer ends, fails or is left', async () => {
  await start({ concurrentRequests: 1 });
  small.always(stallAfter(1));
  const controller = new AbortController();
  const stream = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'auto', stream: true, messages: [{ role: 'user', content: 'hi' }] }),
    signal: controller.signal,
  });
  await stream.body!.getReader().read();
  small.always(good);
  expect((await ask()).headers['x-rightsize-tier']).toBe('large');
  controller.abort();
  await gateway.untilEntries(2);
  await until(async () => (await ask()).headers['x-rightsize-tier'] === 'small');
  for (let time = 0; time < 3; time++) expect((await ask()).headers['x-rightsize-tier']).toBe('small');
});

test('a request with more tokens than the upstream takes in a minute goes to another', async () => {
  await start({ tokensPerMinute: 5 });
  expect((await ask()).headers['x-rightsize-tier']).toBe('large');
  expect(small.calls).toHaveLength(0);
});
