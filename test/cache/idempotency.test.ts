import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GRACE_MS } from '../../src/cache/reply-flight.ts';
import { REPEAT_WINDOW_MS } from '../../src/cache/reply-flights.ts';
import { chat, post, type RawReply } from '../support/chat-client.ts';
import { ANSWER, type Behaviour, behaviours, FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { OpenStream } from '../support/open-stream.ts';
import { connectRedis } from '../support/redis-connection.ts';
import { RedisServer } from '../support/redis-server.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const clock = new ManualClock(1_700_000_000_000);
const keys = [
  { secret: 'rs-one', caller: { keyId: 'key_1', team: 'one' } },
  { secret: 'rs-two', caller: { keyId: 'key_2', team: 'two' } },
];
let upstream: FaultyUpstream;
let gateway: TestGateway;
let attempt = 0;
/** Each test has a key that no other has. */
let headers: Record<string, string>;

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  const route = { difficulty: undefined, tier: 'small', fallback: 'none' };
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url }, { route });
  gateway = await startGateway({ routes, keys, clock });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
beforeEach(() => {
  headers = { authorization: 'Bearer rs-one', 'idempotency-key': `try-${++attempt}` };
  upstream.always(good);
  upstream.forget();
});

const entryOf = (reply: { headers: Record<string, unknown> }) =>
  until(async () => (await gateway.entries()).find(({ id }) => id === reply.headers['x-request-id']));

/** The same words as the other, but for comments, which tell each what it cost. */
const sameWords = (one: RawReply, other: RawReply) => {
  expect(one.text.replace(/^: x-rightsize.*\n\n/gm, '')).toBe(other.text.replace(/^: x-rightsize.*\n\n/gm, ''));
};

const HELLO = [{ role: 'user', content: 'Hello' }];
const textCompletion: Behaviour = (call) => {
  const completion = { id: 'c', object: 'text_completion', choices: [{ index: 0, text: 'hi', finish_reason: 'stop' }] };
  if (!call.isStream) return call.json(completion);
  call.open();
  call.event(completion);
  call.response.end('data: [DONE]\n\n');
};

describe.each([
  { path: '/v1/chat/completions', body: { model: 'auto', messages: HELLO, temperature: 2 } },
  { path: '/v1/responses', body: { model: 'auto', input: 'Hello' } },
  { path: '/v1/messages', body: { model: 'auto', messages: HELLO, max_tokens: 100 } },
  { path: '/v1/completions', body: { model: 'small', prompt: 'Hello' } },
])('$path', ({ path, body }) => {
  test.each([false, true])(
    'a repeat gets the reply of the first, word for word, for nothing (stream %s)',
    async (stream) => {
      if (path === '/v1/completions') upstream.always(textCompletion);
      const ask = () => post(gateway.url, { ...body, stream }, headers, path);
      const first = await ask();
      clock.advance(7_000);
      const again = await ask();
      expect([first.status, again.status]).toEqual([200, 200]);
      sameWords(again, first);
      expect(upstream.calls).toHaveLength(1);
      expect(again.headers).toMatchObject({
        'content-type': first.headers['content-type'],
        'x-rightsize-replayed': first.headers['x-request-id'],
        'x-rightsize-cache': 'hit',
        'x-rightsize-model': first.headers['x-rightsize-model'],
        age: '7',
      });
      expect(again.headers['x-request-id']).not.toBe(first.headers['x-request-id']);
      const [paid, free] = await Promise.all([entryOf(first), entryOf(again)]);
      expect(paid).toMatchObject({ cache: 'bypass', attempts: [{ outcome: 'ok' }] });
      expect(free).toMatchObject({
        cache: 'hit',
        attempts: [],
        costNanoUsd: 0,
        team: 'one',
        keyId: 'key_1',
        requestedModel: body.model,
        model: paid.model,
        isStream: stream,
        outcome: 'ok',
        reason: `repeat of ${paid.id}`,
        baselineNanoUsd: paid.baselineNanoUsd,
      });
    },
  );

  test('another body under the same key is refused in the envelope of the API, and asks nobody', async () => {
    if (path === '/v1/completions') upstream.always(textCompletion);
    await post(gateway.url, body, headers, path);
    const other = await post(gateway.url, { ...body, user: 'ada' }, headers, path);
    expect(other.status).toBe(422);
    expect(JSON.parse(other.text).error).toMatchObject({ code: 'idempotency_key_reused', param: 'Idempotency-Key' });
    expect('type' in JSON.parse(other.text)).toBe(path === '/v1/messages');
    expect(upstream.calls).toHaveLength(1);
    expect(await entryOf(other)).toMatchObject({
      outcome: 'refused',
      errorCode: 'idempotency_key_reused',
      team: 'one',
    });
  });
});

const open = () => new OpenStream(gateway.url, { messages: HELLO }, headers);

test('a repeat that comes while the first goes out gets what was said, then the rest as it comes', async () => {
  const begun = upstream.beginAnswers();
  const [first, again] = [open(), open()];
  await Promise.all([first.untilText('First.'), again.untilText('First.')]);
  (await begun).endAnswer();
  await Promise.all([first.untilOver(), again.untilOver()]);
  for (const { answer } of [first, again]) expect(answer).toMatchObject({ text: 'First. Second.', isDone: true });
  expect(again.answer.chunks).toEqual(first.answer.chunks);
  expect(upstream.calls).toHaveLength(1);
  const entries = await Promise.all([entryOf(first), entryOf(again)]);
  expect(entries.map(({ cache }) => cache).sort()).toEqual(['bypass', 'shared']);
  expect(entries.map(({ attempts }) => attempts.length).sort()).toEqual([0, 1]);
  expect(entries.map(({ outcome }) => outcome)).toEqual(['ok', 'ok']);
});

test('a stream that breaks breaks for its repeats too, and is asked anew after that', async () => {
  const begun = upstream.beginAnswers();
  const streams = [open(), open()];
  for (const stream of streams) await stream.untilText('First.');
  (await begun).reset();
  for (const stream of streams) {
    await stream.untilOver();
    expect(stream.answer.errors).toMatchObject([{ code: 'upstream_interrupted' }]);
    expect(await entryOf(stream)).toMatchObject({ outcome: 'error', errorCode: 'upstream_interrupted' });
  }
  upstream.always(good);
  expect((await chat(gateway.url, { stream: true }, headers)).headers['x-rightsize-replayed']).toBeUndefined();
});

test('the call goes on for ten seconds when its client has left, and the repeat gets its answer', async () => {
  const begun = upstream.beginAnswers();
  const first = open();
  await first.untilText('First.');
  first.leave();
  await first.untilOver();
  clock.advance(GRACE_MS - 1);
  const again = open();
  await again.untilText('First.');
  clock.advance(GRACE_MS);
  (await begun).endAnswer();
  await again.untilOver();
  expect(again.answer).toMatchObject({ text: 'First. Second.', isDone: true, errors: [] });
  expect(upstream.calls).toHaveLength(1);
  expect(await entryOf(first)).toMatchObject({ outcome: 'ok', attempts: [{ outcome: 'ok' }] });
});

test('the call is broken off when nobody has come back in that time', async () => {
  const begun = upstream.beginAnswers();
  const first = open();
  await first.untilText('First.');
  first.leave();
  await first.untilOver();
  const call = await begun;
  await until(() => {
    clock.advance(GRACE_MS);
    return call.isClosed;
  });
  expect(await call.closed).toBe('cut');
  expect(await entryOf(first)).toMatchObject({ outcome: 'aborted' });
});

test('an answer that is complete before its client comes back is kept for it', async () => {
  const begun = upstream.beginAnswers();
  const first = open();
  await first.untilText('First.');
  first.leave();
  (await begun).endAnswer();
  expect(await entryOf(first)).toMatchObject({ outcome: 'ok' });
  clock.advance(GRACE_MS);
  const again = open();
  await again.untilOver();
  expect(again.answer).toMatchObject({ text: 'First. Second.', isDone: true });
  expect(upstream.calls).toHaveLength(1);
});

test('a failure is not kept: the repeat is asked anew', async () => {
  upstream.script(behaviours['envelope 500']);
  expect((await chat(gateway.url, {}, headers)).status).toBe(502);
  const again = await chat(gateway.url, {}, headers);
  expect(again.status).toBe(200);
  expect(upstream.calls).toHaveLength(2);
});

test('two tenants with the same key share nothing', async () => {
  await chat(gateway.url, {}, headers);
  const other = await chat(gateway.url, {}, { ...headers, authorization: 'Bearer rs-two' });
  expect(other.headers['x-rightsize-replayed']).toBeUndefined();
  expect(upstream.calls).toHaveLength(2);
});

test('with no-store nothing is kept; no-cache is about other answers than one’s own', async () => {
  await chat(gateway.url, {}, { ...headers, 'cache-control': 'no-store' });
  const kept = await chat(gateway.url, {}, { ...headers, 'cache-control': 'no-cache' });
  expect(upstream.calls).toHaveLength(2);
  const again = await chat(gateway.url, {}, { ...headers, 'cache-control': 'no-cache' });
  expect(again.headers['x-rightsize-replayed']).toBe(kept.headers['x-request-id']);
});

test('after ten minutes the key is free again, for another request too', async () => {
  await chat(gateway.url, {}, headers);
  clock.advance(REPEAT_WINDOW_MS - 1);
  expect((await chat(gateway.url, { seed: 1 }, headers)).status).toBe(422);
  clock.advance(1);
  expect((await chat(gateway.url, { seed: 1 }, headers)).status).toBe(200);
});

test.each(['', 'x'.repeat(256), 'two words', 'ä'])('the key %j is refused by name', async (key) => {
  const reply = await chat(gateway.url, {}, { ...headers, 'idempotency-key': key });
  expect(reply.status).toBe(400);
  expect(JSON.parse(reply.text).error).toMatchObject({ code: 'invalid_value', param: 'Idempotency-Key' });
  expect(upstream.calls).toHaveLength(0);
});

test('a request without a right API key is refused before its key is looked at', async () => {
  await chat(gateway.url, {}, headers);
  expect((await chat(gateway.url, {}, { ...headers, authorization: 'Bearer rs-none' })).status).toBe(401);
});

describe('gateways that share Redis', () => {
  let server: RedisServer;
  const closing: (() => Promise<void>)[] = [];
  const gateways: TestGateway[] = [];
  beforeAll(async () => {
    server = await RedisServer.start();
    for (let index = 0; index < 2; index++) {
      const redis = await connectRedis(server.url);
      const routes = twoTierRoutes({ small: upstream.url, large: upstream.url });
      const each = await startGateway({ routes, keys, redis });
      gateways.push(each);
      closing.push(() => each.close().then(() => redis.close()));
    }
  });
  afterAll(async () => {
    await Promise.all(closing.map((close) => close()));
    await server.close();
  });

  test('a repeat at another gateway waits for the first, and gets its reply', async () => {
    const [one, two] = gateways as [TestGateway, TestGateway];
    const { promise, resolve } = Promise.withResolvers<void>();
    upstream.always(async (call) => {
      await promise;
      good(call);
    });
    const first = chat(one.url, {}, headers);
    await upstream.untilCalls(1);
    const again = chat(two.url, {}, headers);
    const waiters = () =>
      server.ask(async (client) => {
        const [claim] = await client.keys('*replies-claim*');
        return claim === undefined ? null : client.hget(claim, 'w');
      });
    await until(async () => (await waiters()) === '1');
    resolve();
    const replies = await Promise.all([first, again]);
    sameWords(replies[1], replies[0]);
    expect(JSON.parse(replies[1].text).choices[0].message.content).toBe(ANSWER);
    expect(upstream.calls).toHaveLength(1);
    expect((await chat(two.url, { seed: 1 }, headers)).status).toBe(422);
  });
});
