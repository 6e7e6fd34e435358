import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { chat, post, type RawReply } from '../support/chat-client.ts';
import { behaviours, FaultyUpstream, good, stallAfter } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startGateway, type TestGateway, type TestGatewayOptions, twoTierRoutes } from '../support/start-gateway.ts';

const KEY = { authorization: 'Bearer rs-research' };
const HARD = 'Prove that there are infinitely many primes congruent to 3 modulo 4, step by step, and explain why.';
/** At the price of `large` 0.001 USD, and some 0.00003 USD for the prompt. */
const ANSWER_TOKENS = 100;

let small: FaultyUpstream;
let large: FaultyUpstream;
let gateway: TestGateway | null = null;
let clock: ManualClock;
beforeEach(async () => {
  clock = new ManualClock(Date.UTC(2026, 10, 22, 12));
  [small, large] = await Promise.all([FaultyUpstream.start(), FaultyUpstream.start()]);
});
afterEach(async () => {
  await gateway?.close();
  gateway = null;
  await Promise.all([small.close(), large.close()]);
});

const start = async (
  budget: object,
  { route = {}, routes = {}, ...options }: { route?: object; routes?: object } & Partial<TestGatewayOptions> = {},
): Promise<TestGateway> => {
  gateway = await startGateway({
    clock,
    routes: {
      ...twoTierRoutes(
        { small: small.url, large: large.url },
        { route: { difficulty: undefined, tier: 'large', ...route } },
      ),
      teams: { research: { budget: { usd: 0.02, per: 'month', ...budget } } },
      ...routes,
    },
    keys: [
      { secret: 'rs-research', caller: { keyId: 'key_1', team: 'research' } },
      { secret: 'rs-other', caller: { keyId: 'key_2', team: 'other' } },
    ],
    ...options,
  });
  return gateway;
};
const ask = (body: object = {}, headers: Record<string, string> = KEY): Promise<RawReply> =>
  chat(gateway!.url, { max_tokens: ANSWER_TOKENS, messages: [{ role: 'user', content: HARD }], ...body }, headers);
const spent = async (team = 'research'): Promise<number> =>
  (await gateway!.entries())
    .filter((entry) => entry.team === team)
    .reduce((sum, { costNanoUsd }) => sum + (costNanoUsd ?? 0), 0);
const codeOf = ({ text }: RawReply): string => JSON.parse(text).error?.code;

describe('a budget that rejects', () => {
  test('two hundred requests at once never spend more than it has, and what it refuses never reaches an upstream', async () => {
    // Room for about twenty: each is estimated at 0.00102 USD.
    await start({ usd: 0.0205 });
    const replies = await Promise.all(Array.from({ length: 200 }, () => ask()));
    const answered = replies.filter(({ status }) => status === 200);
    const refused = replies.filter(({ status }) => status === 429);
    expect(answered.length + refused.length).toBe(200);
    expect(answered.length).toBeGreaterThanOrEqual(19);
    expect(large.calls).toHaveLength(answered.length);
    expect(await spent()).toBeLessThanOrEqual(0.0205e9);
    for (const { headers, text } of refused) {
      expect(JSON.parse(text).error).toMatchObject({ code: 'insufficient_quota', type: 'insufficient_quota' });
      expect(headers['x-should-retry']).toBe('false');
      expect(headers['retry-after']).toBeUndefined();
    }
    expect((await ask({}, { authorization: 'Bearer rs-other' })).status).toBe(200);
  });

  test('begins anew with its period, in its time zone', async () => {
    clock = new ManualClock(Date.UTC(2026, 10, 22, 22, 59));
    await start({ usd: 0.0011, per: 'day', timeZone: 'Europe/Berlin' });
    expect((await ask()).status).toBe(200);
    // The answer cost less than was set aside; the rest does not suffice for another.
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(refused.text).toContain('2026-11-22T23:00:00.000Z');
    clock.advance(Date.UTC(2026, 10, 22, 23) - clock.now() - 1);
    expect((await ask()).status).toBe(429);
    clock.advance(1);
    expect((await ask()).status).toBe(200);
  });

  test('what was set aside is given back: on a refusal, on a failure, and when the client leaves a stream', async () => {
    await start({ usd: 0.0015 });
    large.always(behaviours['envelope 400']);
    expect((await ask()).status).toBe(400);
    large.always(behaviours['envelope 500']);
    expect((await ask()).status).toBe(502);
    large.always(stallAfter(1));
    const controller = new AbortController();
    const left = await fetch(`${gateway!.url}/v1/chat/completions`, {
      method: 'POST',
      headers: KEY,
      body: JSON.stringify({
        model: 'auto',
        stream: true,
        max_tokens: ANSWER_TOKENS,
        messages: [{ role: 'user', content: HARD }],
      }),
      signal: controller.signal,
    });
    await left.body!.getReader().read();
    expect((await ask()).status).toBe(429);
    controller.abort();
    await gateway!.untilEntries(4);
    large.always(good);
    expect((await ask()).status).toBe(200);
  });

  test('counts what it spent before a restart', async () => {
    const first = await start({ usd: 0.0015 }, { ledger: (directory) => SqliteLedgerStore.open({ directory }) });
    expect((await ask()).status).toBe(200);
    const before = await spent();
    expect(before).toBeGreaterThan(0);
    const ledger = SqliteLedgerStore.open({ directory: first.dataDir });
    gateway = null;
    // The room left is less than the estimate only because of what was spent before.
    const room = before + 0.0009e9;
    await start({ usd: room / 1e9 }, { ledger: () => ledger });
    const refused = await ask();
    expect(refused.status).toBe(429);
    await first.close();
  });

  test('serves cached answers when nothing is left: they cost nothing', async () => {
    await start({ usd: 0.0011 }, { route: { cache: { ttl: '1h' } } });
    const body = { messages: [{ role: 'user', content: 'The same again' }] };
    expect((await ask(body)).status).toBe(200);
    expect((await ask()).status).toBe(429);
    const hit = await ask(body);
    expect([hit.status, hit.headers['x-rightsize-cache']]).toEqual([200, 'hit']);
  });

  test('a cached answer counts as a request, takes no tokens, and has the headers of both', async () => {
    const limits = { requestsPerMinute: 5, tokensPerMinute: 9_000 };
    await start({}, { route: { cache: { ttl: '1h' } }, routes: { teams: { research: { limits } } } });
    const left = ({ headers }: RawReply) => [
      headers['x-ratelimit-remaining-requests'],
      headers['x-ratelimit-remaining-tokens'],
      headers['x-ratelimit-limit-tokens'],
    ];
    const first = await ask();
    expect(Number(left(first)[1])).toBeLessThan(9_000);
    const hit = await ask();
    expect(hit.headers['x-rightsize-cache']).toBe('hit');
    const [requests, tokens, limit] = left(hit);
    expect([requests, limit]).toEqual(['3', '9000']);
    expect(left(await ask())).toEqual(['2', tokens, limit]);
  });

  test('of a key holds beside that of its team', async () => {
    const budget = {
      usd: 0.0011,
      per: 'total',
      timeZone: 'UTC',
      onExceeded: 'reject',
      unknownPrice: 'reject',
    } as const;
    await start(
      { usd: 5 },
      { keys: [{ secret: 'rs-research', caller: { keyId: 'key_1', team: 'research', budget } }] },
    );
    expect((await ask()).status).toBe(200);
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(refused.text).toContain('key \\"key_1\\"');
  });

  test('of a route holds for everyone who uses it', async () => {
    await start({ usd: 5 }, { route: { budget: { usd: 0.0011, per: 'week' } } });
    expect((await ask({}, { authorization: 'Bearer rs-other' })).status).toBe(200);
    expect((await ask()).status).toBe(429);
  });
});

describe('a budget that names a tier instead', () => {
  test('is answered by that tier, and says so', async () => {
    await start({ usd: 0.0011, onExceeded: 'small' });
    expect((await ask()).headers['x-rightsize-tier']).toBe('large');
    const cheap = await ask();
    expect(cheap.status).toBe(200);
    expect(cheap.headers['x-rightsize-tier']).toBe('small');
    expect(cheap.headers['x-rightsize-reason']).toContain('over budget: answered by small');
    // A model named by the client, or a tier, is not asked either.
    expect((await ask({ model: 'vendor/large-1' })).headers['x-rightsize-tier']).toBe('small');
    expect((await ask({}, { ...KEY, 'x-rightsize-tier': 'large' })).headers['x-rightsize-tier']).toBe('small');
    expect(large.calls).toHaveLength(1);
  });

  test('never falls back or escalates to a stronger tier', async () => {
    await start({ usd: 0.00000001, onExceeded: 'small' }, { route: { fallback: 'any' } });
    small.always(behaviours['envelope 500']);
    expect((await ask()).status).toBe(502);
    expect(large.calls).toHaveLength(0);
  });

  test('lets free models answer whatever their tier', async () => {
    const { upstreams, tiers } = twoTierRoutes({ small: small.url, large: large.url });
    await start(
      { usd: 0.00000001, onExceeded: 'small' },
      {
        routes: {
          upstreams: { ...upstreams, 'up-large': { ...upstreams['up-large'], free: true } },
          tiers: [tiers[0], { name: 'large', models: [{ upstream: 'up-large', model: 'vendor/large-1' }] }],
        },
      },
    );
    expect((await ask()).headers['x-rightsize-tier']).toBe('large');
  });
});

describe('a paid model without a price', () => {
  const unpriced = () => {
    const { tiers } = twoTierRoutes({ small: small.url, large: large.url });
    return { tiers: [tiers[0], { name: 'large', models: [{ upstream: 'up-large', model: 'vendor/large-1' }] }] };
  };

  test('is left out while a budget applies', async () => {
    await start({ usd: 5 }, { routes: unpriced() });
    const answered = await ask();
    expect(answered.headers['x-rightsize-tier']).toBe('small');
    expect(answered.headers['x-rightsize-reason']).toContain('vendor/large-1 has no price for the budget');
    const named = await ask({ model: 'vendor/large-1' });
    expect([named.status, codeOf(named)]).toEqual([403, 'not_allowed']);
    expect((await ask({}, { authorization: 'Bearer rs-other' })).headers['x-rightsize-tier']).toBe('large');
  });

  test('may be asked, uncounted, where the budget says so', async () => {
    await start({ usd: 5, unknownPrice: 'allow' }, { routes: unpriced() });
    expect((await ask()).headers['x-rightsize-tier']).toBe('large');
  });
});

test('limits and budgets hold for a model asked by its name at other endpoints', async () => {
  await start({ usd: 0.0011 });
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  large.always((call) =>
    call.json({
      id: 'cmpl-1',
      object: 'text_completion',
      created: 1,
      model: 'vendor/large-1',
      choices: [{ index: 0, text: '!', logprobs: null, finish_reason: 'stop' }],
      usage,
    }),
  );
  const complete = () =>
    post(gateway!.url, { model: 'vendor/large-1', prompt: 'hi', max_tokens: ANSWER_TOKENS }, KEY, '/v1/completions');
  const replies = await Promise.all([complete(), complete()]);
  expect(replies.filter((reply) => codeOf(reply) === 'insufficient_quota')).toHaveLength(1);
});

test('with escalation the estimate pays for both answers', async () => {
  // One answer of each tier: 0.00004 for the small and 0.001 for the large one.
  await start({ usd: 0.00104 }, { route: { tier: 'small', escalate: { minConfidence: 0.7 } } });
  expect((await ask({ messages: [{ role: 'user', content: 'hi' }] })).status).toBe(429);
  await gateway!.close();
  await start({ usd: 0.00105 }, { route: { tier: 'small', escalate: { minConfidence: 0.7 } } });
  expect((await ask({ messages: [{ role: 'user', content: 'hi' }] })).status).toBe(200);
});

test('a stream that outlasts its lease keeps its money', async () => {
  await start({ usd: 0.0011 });
  large.always(stallAfter(1));
  const controller = new AbortController();
  const stream = await fetch(`${gateway!.url}/v1/chat/completions`, {
    method: 'POST',
    headers: KEY,
    body: JSON.stringify({
      model: 'auto',
      stream: true,
      max_tokens: ANSWER_TOKENS,
      messages: [{ role: 'user', content: HARD }],
    }),
    signal: controller.signal,
  });
  await stream.body!.getReader().read();
  for (let second = 0; second < 45; second += 5) {
    clock.advance(5_000);
    // Lets the renewal that is due run.
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await ask()).status).toBe(429);
  controller.abort();
  await gateway!.untilEntries(2);
});
