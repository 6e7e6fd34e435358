import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Flight } from '../../src/cache/flight.ts';
import { Flights } from '../../src/cache/flights.ts';
import { chat, readAnswer } from '../support/chat-client.ts';
import { ANSWER, FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { OpenStream } from '../support/open-stream.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

/** Counts how often somebody has found a flight to follow. */
class CountedFlights extends Flights {
  followers = 0;

  override find(key: string): Flight | null {
    const flight = super.find(key);
    if (flight !== null) this.followers++;
    return flight;
  }
}

let upstream: FaultyUpstream;
let gateway: TestGateway;
let flights: CountedFlights;
const KEY = { authorization: 'Bearer rs-one' };
const OTHER = { authorization: 'Bearer rs-two' };
let question = 0;
/** Each test asks something that no other did. */
let body: { messages: object[] };

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  flights = new CountedFlights();
  const route = { cache: { ttl: '1h' }, difficulty: undefined, tier: 'small', fallback: 'none' };
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url }, { route });
  gateway = await startGateway({
    routes: { ...routes, routes: [...routes.routes, { name: 'uncached', match: { model: 'fresh' }, tier: 'small' }] },
    keys: [
      { secret: 'rs-one', caller: { keyId: 'key_1', team: 'one' } },
      { secret: 'rs-two', caller: { keyId: 'key_2', team: 'two' } },
    ],
    overrides: { flights },
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
beforeEach(() => {
  body = { messages: [{ role: 'user', content: `Question ${++question}` }] };
  upstream.always(good);
  upstream.forget();
  flights.followers = 0;
});

const ask = (more: object = {}, headers: Record<string, string> = KEY) =>
  chat(gateway.url, { ...body, ...more }, headers);
const open = (headers: Record<string, string> = KEY) => new OpenStream(gateway.url, body, headers);
const entryOf = (headers: Record<string, unknown>) =>
  until(async () => (await gateway.entries()).find(({ id }) => id === headers['x-request-id']));

test('a stampede of 500 identical requests makes one upstream call', async () => {
  const release = upstream.gate();
  const replies = Array.from({ length: 500 }, (_, index) => ask({ stream: index % 2 === 0 }));
  await until(() => flights.followers === 499, 20_000, 'all of them waiting');
  release();
  const texts = (await Promise.all(replies)).map((reply) =>
    reply.events.length > 0 ? readAnswer(reply).text : JSON.parse(reply.text).choices[0].message.content,
  );
  expect(new Set(texts)).toEqual(new Set([ANSWER]));
  expect(upstream.calls).toHaveLength(1);
});

test.each([
  [false, false],
  [false, true],
  [true, false],
  [true, true],
])('a leader with stream %s and a follower with stream %s get the same answer, each as asked for', async (one, two) => {
  const release = upstream.gate();
  const first = ask({ stream: one });
  await upstream.untilCalls(1);
  const second = ask({ stream: two, stream_options: two ? { include_usage: true } : undefined });
  await until(() => flights.followers === 1);
  release();
  const [leader, follower] = await Promise.all([first, second]);
  expect(upstream.calls).toHaveLength(1);
  expect(leader.headers['x-rightsize-cache']).toBe('miss');
  expect(follower.headers).toMatchObject({
    'x-rightsize-cache': 'shared',
    'x-rightsize-reason': 'shared with an identical request',
    'x-rightsize-attempts': '0',
    'x-rightsize-tier': 'small',
    'x-rightsize-model': 'small-1',
  });
  const { promptTokens, completionTokens } = upstream.produced;
  const usage = { prompt_tokens: promptTokens, completion_tokens: completionTokens };
  if (two) {
    const answer = readAnswer(follower);
    expect(answer).toMatchObject({ text: ANSWER, isDone: true, finishReasons: ['stop'], errors: [], usage: [usage] });
    expect(new Set(answer.chunks.map(({ id }) => id)).size).toBe(1);
    expect(answer.chunks[0]?.id).not.toBe(upstream.last.id);
  } else {
    expect(JSON.parse(follower.text)).toMatchObject({ choices: [{ message: { content: ANSWER } }], usage });
    expect(JSON.parse(follower.text).id).not.toBe(upstream.last.id);
  }
  const entries = await Promise.all([leader, follower].map(({ headers }) => entryOf(headers)));
  expect(entries[0]).toMatchObject({ cache: 'miss', attempts: [{ outcome: 'ok' }], outcome: 'ok' });
  expect(entries[1]).toMatchObject({
    cache: 'shared',
    attempts: [],
    costNanoUsd: 0,
    savedNanoUsd: promptTokens * 1_250 + completionTokens * 10_000,
    outcome: 'ok',
    status: 200,
  });
});

test('a follower that comes late gets what was said before, then the rest as it comes', async () => {
  const begun = upstream.beginAnswers();
  const leader = open();
  await leader.untilText('First.');
  const follower = open();
  await follower.untilText('First.');
  (await begun).endAnswer();
  await Promise.all([leader.untilOver(), follower.untilOver()]);
  for (const stream of [leader, follower]) {
    expect(stream.answer).toMatchObject({ text: 'First. Second.', isDone: true, errors: [] });
  }
  expect(upstream.calls).toHaveLength(1);
});

test('the call goes on for a follower when the leader leaves, and the leader’s entry has all of its cost', async () => {
  const begun = upstream.beginAnswers();
  const leader = open();
  await leader.untilText('First.');
  const follower = open();
  await follower.untilText('First.');
  leader.leave();
  await leader.untilOver();
  (await begun).endAnswer();
  await follower.untilOver();
  expect(follower.answer).toMatchObject({ text: 'First. Second.', isDone: true, errors: [] });
  expect(upstream.calls).toHaveLength(1);
  const { completionTokens } = upstream.produced;
  expect(await entryOf(leader.headers)).toMatchObject({
    outcome: 'aborted',
    attempts: [{ outcome: 'ok', tokens: { completionTokens } }],
  });
  expect(await entryOf(follower.headers)).toMatchObject({ outcome: 'ok', cache: 'shared', costNanoUsd: 0 });
  expect((await ask()).headers['x-rightsize-cache']).toBe('hit');
});

test('the call goes on for plain followers when the leader leaves before there is an answer', async () => {
  const release = upstream.gate();
  const leader = open();
  await upstream.untilCalls(1);
  const follower = ask();
  await until(() => flights.followers === 1);
  leader.leave();
  await leader.untilOver();
  release();
  const reply = await follower;
  expect(JSON.parse(reply.text).choices[0].message.content).toBe(ANSWER);
  expect(upstream.calls).toHaveLength(1);
});

test('the call is broken off when everybody has left', async () => {
  upstream.beginAnswers();
  const leader = open();
  await leader.untilText('First.');
  const follower = open();
  await follower.untilText('First.');
  const before = (await gateway.entries()).length;
  follower.leave();
  leader.leave();
  await upstream.untilIdle();
  expect(await upstream.last.closed).toBe('cut');
  await until(async () => (await gateway.entries()).length === before + 2);
  upstream.always(good);
  expect((await ask()).headers['x-rightsize-cache']).toBe('miss');
});

test('a follower takes over when the leader fails, once for all of them', async () => {
  let isOpen = false;
  upstream.always(async (call) => {
    await until(() => isOpen);
    if (upstream.calls.length === 1) call.json({ error: { message: 'no', type: 'server_error' } }, 500);
    else good(call);
  });
  const leader = ask();
  await upstream.untilCalls(1);
  const followers = Array.from({ length: 5 }, () => ask());
  await until(() => flights.followers === 5);
  isOpen = true;
  expect((await leader).status).toBe(502);
  const replies = await Promise.all(followers);
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(replies.map(({ headers }) => headers['x-rightsize-cache']).sort()).toEqual([
    'miss',
    ...Array(4).fill('shared'),
  ]);
  expect(upstream.calls).toHaveLength(2);
});

test('a failure costs two calls, however many wait for the answer', async () => {
  const release = upstream.gate((call) => call.json({ error: { message: 'no', type: 'server_error' } }, 500));
  const replies = Array.from({ length: 20 }, () => ask());
  await until(() => flights.followers === 19);
  release();
  expect((await Promise.all(replies)).map(({ status }) => status)).toEqual(Array(20).fill(502));
  expect(upstream.calls).toHaveLength(2);
});

test('what an upstream refuses is refused for all at once: the request itself is wrong', async () => {
  const release = upstream.gate((call) => call.json({ error: { message: 'bad', type: 'invalid_request_error' } }, 400));
  const replies = Array.from({ length: 5 }, () => ask());
  await until(() => flights.followers === 4);
  release();
  expect((await Promise.all(replies)).map(({ status }) => status)).toEqual(Array(5).fill(400));
  expect(upstream.calls).toHaveLength(1);
});

test('a stream that breaks breaks for all who saw its beginning', async () => {
  const begun = upstream.beginAnswers();
  const leader = open();
  await leader.untilText('First.');
  const follower = open();
  await follower.untilText('First.');
  (await begun).reset();
  await Promise.all([leader.untilOver(), follower.untilOver()]);
  for (const stream of [leader, follower]) {
    expect(stream.answer).toMatchObject({ text: 'First.', errors: [{ code: 'upstream_interrupted' }] });
  }
  upstream.always(good);
  expect((await ask()).headers['x-rightsize-cache']).toBe('miss');
});

test('two tenants never share a flight', async () => {
  const release = upstream.gate();
  const replies = [ask(), ask({}, OTHER)];
  await upstream.untilCalls(2);
  release();
  expect((await Promise.all(replies)).map(({ headers }) => headers['x-rightsize-cache'])).toEqual(['miss', 'miss']);
});

test.each(['no-store', 'no-cache', 'max-age=60'])('a request with cache-control: %s flies alone', async (directive) => {
  const release = upstream.gate();
  const replies = [ask(), ask({}, { ...KEY, 'cache-control': directive })];
  await upstream.untilCalls(2);
  release();
  expect((await Promise.all(replies)).map(({ status }) => status)).toEqual([200, 200]);
});

test('requests of a route without a cache fly alone', async () => {
  const release = upstream.gate();
  const replies = [ask({ model: 'fresh' }), ask({ model: 'fresh' })];
  await upstream.untilCalls(2);
  release();
  await Promise.all(replies);
});

test('a follower that does not read slows nobody; one that falls behind by more than is held is cut off', async () => {
  const begun = upstream.beginAnswers();
  const leader = open();
  await leader.untilText('First.');
  const follower = open();
  await follower.untilText('First.');
  await follower.pause();
  const call = await begun;
  const piece = 'x'.repeat(64 * 1024);
  for (let index = 0; index < 256; index++) {
    const isRoom = call.response.write(call.eventText(call.delta({ content: piece })));
    if (!isRoom) await once(call.response, 'drain');
  }
  call.endAnswer();
  await leader.untilOver();
  expect(leader.answer.isDone).toBe(true);
  expect(leader.answer.text).toHaveLength('First. Second.'.length + 256 * piece.length);
  follower.resume();
  await follower.untilOver();
  expect(follower.answer.errors).toMatchObject([{ code: 'upstream_interrupted' }]);
});
