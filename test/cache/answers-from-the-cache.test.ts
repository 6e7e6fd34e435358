import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { chat, readAnswer } from '../support/chat-client.ts';
import { ANSWER, behaviours, FaultyUpstream, good, tools } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

let upstream: FaultyUpstream;
let gateway: TestGateway;
const clock = new ManualClock(1_700_000_000_000);
const KEY = { authorization: 'Bearer rs-one' };
const OTHER = { authorization: 'Bearer rs-two' };

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  const route = { cache: { ttl: '1h' }, difficulty: undefined, tier: 'small', fallback: 'none' };
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url }, { route });
  gateway = await startGateway({
    clock,
    routes: { ...routes, routes: [...routes.routes, { name: 'uncached', match: { model: 'fresh' }, tier: 'small' }] },
    keys: [
      { secret: 'rs-one', caller: { keyId: 'key_1', team: 'one' } },
      { secret: 'rs-two', caller: { keyId: 'key_2', team: 'two' } },
    ],
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
beforeEach(() => {
  // Whatever earlier tests left is too old now.
  clock.advance(2 * 3_600_000);
  upstream.always(good);
  upstream.forget();
});

const cacheOf = ({ headers }: { headers: Record<string, unknown> }) => headers['x-rightsize-cache'];

test.each([
  [false, false],
  [false, true],
  [true, false],
  [true, true],
])(
  'an answer asked for with stream %s is served again with stream %s: same words, own id and time, no cost',
  async (first, second) => {
    const asked = await chat(gateway.url, { stream: first }, KEY);
    expect(cacheOf(asked)).toBe('miss');
    const { completionTokens, promptTokens } = upstream.produced;
    clock.advance(60_000);
    const again = await chat(gateway.url, { stream: second, stream_options: { include_usage: true } }, KEY);
    expect(upstream.calls).toHaveLength(1);
    expect(again.headers).toMatchObject({
      'x-rightsize-cache': 'hit',
      'x-rightsize-tier': 'small',
      'x-rightsize-upstream': 'up-small',
      'x-rightsize-model': 'small-1',
      'x-rightsize-attempts': '0',
      'x-rightsize-reason': 'cache hit',
    });
    const created = Math.floor(clock.now() / 1000);
    const usage = {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    };
    if (second) {
      const answer = readAnswer(again);
      expect(answer).toMatchObject({ text: ANSWER, isDone: true, finishReasons: ['stop'], errors: [], usage: [usage] });
      const [start] = answer.chunks;
      expect(start).toMatchObject({ created, model: 'small-1', choices: [{ delta: { role: 'assistant' } }] });
      expect(new Set(answer.chunks.map(({ id }) => id)).size).toBe(1);
      expect(start?.id).not.toBe(upstream.last.id);
    } else {
      const completion = JSON.parse(again.text);
      expect(completion).toMatchObject({
        object: 'chat.completion',
        created,
        model: 'small-1',
        choices: [{ message: { role: 'assistant', content: ANSWER }, finish_reason: 'stop' }],
        usage,
      });
      expect(completion.id).not.toBe(upstream.last.id);
      expect(again.headers['x-rightsize-cost-usd']).toBe('0.0');
    }
    const entry = (await gateway.entries()).find(({ id }) => id === again.headers['x-request-id']);
    expect(entry).toMatchObject({
      cache: 'hit',
      outcome: 'ok',
      status: 200,
      attempts: [],
      costNanoUsd: 0,
      tokens: { promptTokens: 0 },
    });
    // What the answer would have cost at the large tier: 1.25 and 10 USD for a million tokens.
    expect(entry?.savedNanoUsd).toBe(promptTokens * 1_250 + completionTokens * 10_000);
  },
);

test('an image of 10 MB reaches the model as it was written, and is known again by each of its bytes', async () => {
  const image = (last: string) => `data:image/png;base64,${'iVBORw0KGgo'.repeat(1_000_000)}${last}`;
  const asking = (last: string) =>
    chat(
      gateway.url,
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: image(last) } }] }] },
      KEY,
    );
  expect(cacheOf(await asking('A'))).toBe('miss');
  expect(upstream.last.bytes.includes(`"url":"${image('A')}"`)).toBe(true);
  expect(cacheOf(await asking('A'))).toBe('hit');
  expect(cacheOf(await asking('B'))).toBe('miss');
});

test('tool calls are replayed as they were', async () => {
  upstream.always(tools);
  const body = { tools: [{ type: 'function', function: { name: 'get_weather' } }] };
  const first = readAnswer(await chat(gateway.url, { ...body, stream: true }, KEY));
  const again = await chat(gateway.url, { ...body, stream: true }, KEY);
  expect(cacheOf(again)).toBe('hit');
  const joined = ({ tools: deltas }: ReturnType<typeof readAnswer>) =>
    [0, 1].map((index) => ({
      ids: deltas.filter((call) => call.index === index).flatMap(({ id }) => id ?? []),
      names: deltas.filter((call) => call.index === index).flatMap((call) => call.function?.name ?? []),
      text: deltas
        .filter((call) => call.index === index)
        .map((call) => call.function?.arguments ?? '')
        .join(''),
    }));
  expect(joined(readAnswer(again))).toEqual(joined(first));
  expect(readAnswer(again).finishReasons).toEqual(['tool_calls']);
});

test('another team never gets the answer', async () => {
  await chat(gateway.url, {}, KEY);
  expect(cacheOf(await chat(gateway.url, {}, OTHER))).toBe('miss');
  expect(upstream.calls).toHaveLength(2);
  expect(cacheOf(await chat(gateway.url, {}, OTHER))).toBe('hit');
});

test('cache-control is obeyed', async () => {
  const ask = async (directive?: string) => {
    const reply = await chat(gateway.url, {}, { ...KEY, ...(directive && { 'cache-control': directive }) });
    return [reply.status, cacheOf(reply)];
  };
  expect(await ask('only-if-cached')).toEqual([504, undefined]);
  expect(await ask('no-store')).toEqual([200, 'miss']);
  expect(await ask('only-if-cached')).toEqual([504, undefined]);
  expect(await ask('no-cache')).toEqual([200, 'bypass']);
  expect(await ask('only-if-cached')).toEqual([200, 'hit']);
  clock.advance(30_000);
  expect(await ask('max-age=29')).toEqual([200, 'miss']);
  expect(await ask('max-age=29')).toEqual([200, 'hit']);
  expect(await ask('no-store')).toEqual([200, 'hit']);
  expect(await ask('max-age=0')).toEqual([200, 'bypass']);
  clock.advance(3_600_000);
  expect(await ask('only-if-cached')).toEqual([504, undefined]);
  expect(upstream.calls).toHaveLength(4);
});

test('a refusal for want of a stored answer is in the ledger, and no upstream was asked', async () => {
  const reply = await chat(gateway.url, {}, { ...KEY, 'cache-control': 'only-if-cached' });
  expect(JSON.parse(reply.text).error.code).toBe('not_cached');
  expect(upstream.calls).toEqual([]);
  const entry = (await gateway.entries()).find(({ id }) => id === reply.headers['x-request-id']);
  expect(entry).toMatchObject({ status: 504, errorCode: 'not_cached', attempts: [], outcome: 'refused' });
});

test.each([
  ['an answer that was cut off by its length', (call) => call.json(call.completion({ content: ANSWER }, 'length'))],
  ['an answer that was filtered', (call) => call.json(call.completion({ content: ANSWER }, 'content_filter'))],
  ['an error', behaviours['envelope 500']],
  ['half a stream', behaviours['reset mid-answer']],
] as [string, typeof good][])('%s is not kept', async (_, behaviour) => {
  upstream.always(behaviour);
  for (const stream of [false, true, false]) await chat(gateway.url, { stream }, KEY);
  expect(upstream.calls).toHaveLength(3);
});

test('a route without a cache asks anew each time and says so', async () => {
  for (let request = 0; request < 2; request++) {
    expect(cacheOf(await chat(gateway.url, { model: 'fresh' }, KEY))).toBe('bypass');
  }
  expect(upstream.calls).toHaveLength(2);
});
