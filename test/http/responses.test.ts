import { request as httpRequest } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MemoryResponseStore } from '../../src/responses/memory-response-store.ts';
import { post, type RawReply } from '../support/chat-client.ts';
import { ANSWER, type Behaviour, behaviours, FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { foldResponseEvents, readResponseEvents } from '../support/fold-response-events.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startGateway, type TestGateway, type TestGatewayOptions, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

let small: FaultyUpstream;
let large: FaultyUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  [small, large] = await Promise.all([FaultyUpstream.start(), FaultyUpstream.start()]);
});
afterAll(() => Promise.all([small.close(), large.close()]));
beforeEach(() => {
  for (const upstream of [small, large]) {
    upstream.always(good);
    upstream.forget();
  }
});
afterEach(() => gateway.close());

const start = async (route: object = {}, file: object = {}, options: Partial<TestGatewayOptions> = {}) => {
  const routes = { ...twoTierRoutes({ small: small.url, large: large.url }, { route }), ...file };
  gateway = await startGateway({ ...options, routes });
};
const ask = (body: object = {}, headers: Record<string, string> = {}, path = '/v1/responses') =>
  post(gateway.url, { model: 'auto', input: 'What is 2+2?', ...body }, headers, path);
const at = async (path: string, method = 'GET', headers: Record<string, string> = {}) => {
  const response = await httpRequest(`${gateway.url}/v1/responses/${path}`, { method: method as 'GET', headers });
  return { status: response.statusCode, body: (await response.body.json()) as Record<string, unknown> };
};
const bodyOf = ({ text }: Pick<RawReply, 'text'>) => JSON.parse(text);
const entryOf = ({ headers }: Pick<RawReply, 'headers'>) =>
  until(async () => (await gateway.entries()).find(({ id }) => id === headers['x-request-id']), 5_000, 'the entry');

describe('an upstream that speaks chat alone', () => {
  test.each(['split at every byte', 'no [DONE]', 'no usage'])('%s: the client sees a whole response', async (name) => {
    await start();
    small.always(behaviours[name as keyof typeof behaviours] as Behaviour);
    const reply = await ask({ stream: true });
    const events = readResponseEvents(reply.text);
    const [item] = foldResponseEvents(events);
    expect(item!['content'][0].text).toBe(ANSWER);
    const { usage, output } = events.at(-1)!['response'];
    expect(output).toEqual([item]);
    const { tokens, attempts } = await entryOf(reply);
    expect(attempts).toHaveLength(1);
    expect(usage).toMatchObject({ input_tokens: tokens.promptTokens, output_tokens: tokens.completionTokens });
    expect(tokens.completionTokens).toBe(small.produced.completionTokens);
  });

  test.each(['close mid-answer', 'reset mid-answer', 'error event after content', 'clean close without finish_reason'])(
    '%s: the stream ends as failed, and the ledger says so, once',
    async (name) => {
      await start();
      small.always(behaviours[name as keyof typeof behaviours] as Behaviour);
      const reply = await ask({ stream: true });
      const events = readResponseEvents(reply.text);
      expect(events.slice(-2).map(({ type }) => type)).toEqual(['error', 'response.failed']);
      const { id, status, output } = events.at(-1)!['response'];
      expect([id, status]).toEqual([events[0]!['response'].id, 'failed']);
      expect(ANSWER.startsWith(output[0].content[0].text)).toBe(true);
      expect(await entryOf(reply)).toMatchObject({ outcome: 'error', endpoint: '/v1/responses' });
      expect(large.calls).toHaveLength(0);
      expect((await at(id)).status).toBe(404);
    },
  );

  test.each(['reset before headers', 'HTML 502', 'empty stream', 'role chunk, then a clean close'])(
    '%s: the next model answers, and nobody sees it',
    async (name) => {
      await start();
      small.always(behaviours[name as keyof typeof behaviours] as Behaviour);
      const reply = await ask({ stream: true });
      expect(reply.headers['x-rightsize-upstream']).toBe('up-large');
      expect(foldResponseEvents(readResponseEvents(reply.text))[0]!['content'][0].text).toBe(ANSWER);
    },
  );
});

test('the path works without /v1 and with doubled slashes, and other methods are refused', async () => {
  await start();
  for (const path of ['/responses', '//v1//responses']) expect((await ask({}, {}, path)).status).toBe(200);
  const response = await httpRequest(`${gateway.url}/v1/responses`, { method: 'PUT' });
  expect([response.statusCode, response.headers['allow']]).toEqual([405, 'POST']);
  await response.body.dump();
});

test('an unsure answer is escalated before anyone sees it', async () => {
  const certain = await FaultyUpstream.start(good, { pieces: ['Not', ' sure', ' at', ' all', '.'], certainty: 0.2 });
  try {
    const routes = twoTierRoutes(
      { small: certain.url, large: large.url },
      { route: { difficulty: undefined, tier: 'small', escalate: { tokens: 4 } } },
    );
    gateway = await startGateway({ routes });
    for (const stream of [true, false]) {
      const reply = await ask({ stream });
      expect(reply.headers['x-rightsize-tier']).toBe('large');
      expect(reply.text).not.toContain('sure');
      expect((await entryOf(reply)).attempts.map(({ outcome }) => outcome)).toEqual(['escalated', 'ok']);
    }
  } finally {
    await certain.close();
  }
});

test('a repeated question comes from the cache as a new response, in either form', async () => {
  await start({ cache: { ttl: '1h' } });
  const first = bodyOf(await ask());
  const plain = await ask();
  const streamed = await ask({ stream: true });
  expect([plain, streamed].map(({ headers }) => headers['x-rightsize-cache'])).toEqual(['hit', 'hit']);
  const again = bodyOf(plain);
  expect(again.id).not.toBe(first.id);
  expect(again.output[0].content).toEqual(first.output[0].content);
  expect(again.usage).toEqual(first.usage);
  expect(foldResponseEvents(readResponseEvents(streamed.text))[0]!['content']).toEqual(first.output[0].content);
  expect(small.calls).toHaveLength(1);
  expect((await at(again.id)).status).toBe(200);
});

describe('a bad request', () => {
  test.each([
    ['{"model":"auto","input":', 'invalid_json', null],
    ['{"input":"x"}', 'invalid_value', 'model'],
    ['{"model":"auto"}', 'invalid_value', 'input'],
    ['{"model":"auto","input":5}', 'invalid_value', 'input'],
    ['{"model":"auto","input":"x","max_output_tokens":0}', 'invalid_value', 'max_output_tokens'],
    ['{"model":"auto","input":"x","background":true,"stream":true}', 'unsupported_parameter', 'stream'],
    ['{"model":"auto","input":"x","background":true,"store":false}', 'unsupported_parameter', 'store'],
    ['{"model":"auto","input":5,"background":true}', 'invalid_value', 'input'],
    [
      '{"model":"auto","input":"x","previous_response_id":"resp_none"}',
      'previous_response_not_found',
      'previous_response_id',
    ],
    ['{"model":"auto","input":[{"type":"item_reference","id":"msg_none"}]}', 'previous_response_not_found', 'input[0]'],
    [
      '{"model":"auto","input":"x","previous_response_id":"a","conversation":"b"}',
      'invalid_value',
      'previous_response_id',
    ],
    ['{"model":"auto","input":"x","tools":[{"type":"web_search"}]}', 'unsupported_parameter', 'tools[0]'],
  ])('%s is a 400 in the envelope that names the field', async (body, code, param) => {
    await start();
    const reply = await post(gateway.url, body, {}, '/v1/responses');
    expect([reply.status, bodyOf(reply).error]).toMatchObject([400, { code, param, type: 'invalid_request_error' }]);
    expect(Object.keys(bodyOf(reply).error).sort()).toEqual(['code', 'message', 'param', 'type']);
    expect(small.calls).toHaveLength(0);
    expect(await entryOf(reply)).toMatchObject({ outcome: 'refused', status: 400, endpoint: '/v1/responses' });
  });
});

describe('what is kept', () => {
  test('is found by its own team alone', async () => {
    const keys = ['a', 'b'].map((team) => ({ secret: `sk-${team}`, caller: { keyId: `key_${team}`, team } }));
    await start({}, {}, { keys });
    const asA = { authorization: 'Bearer sk-a' };
    const asB = { authorization: 'Bearer sk-b' };
    const { id } = bodyOf(await ask({}, asA));
    expect((await at(id, 'GET', asA)).body).toMatchObject({ id, object: 'response', status: 'completed' });
    for (const [path, method] of [
      [id, 'GET'],
      [id, 'DELETE'],
      [`${id}/input_items`, 'GET'],
      [`${id}/cancel`, 'POST'],
    ]) {
      expect((await at(path, method, asB)).status).toBe(404);
      expect((await at(path, method)).status).toBe(401);
    }
    const stolen = await ask({ previous_response_id: id }, asB);
    expect(bodyOf(stolen).error.code).toBe('previous_response_not_found');
    expect((await at(id, 'GET', asA)).status).toBe(200);
  });

  test('is nothing where the client or the file says so, and a route may say otherwise', async () => {
    await start({}, { responses: { store: false } });
    const silent = bodyOf(await ask());
    expect([silent.store, (await at(silent.id)).status]).toEqual([false, 404]);
    await gateway.close();
    await start({ responses: { store: true } }, { responses: { store: false } });
    const kept = bodyOf(await ask());
    expect([kept.store, (await at(kept.id)).status]).toEqual([true, 200]);
    const own = bodyOf(await ask({ store: false }));
    expect([own.store, (await at(own.id)).status]).toEqual([false, 404]);
  });

  test('is gone when its time is over', async () => {
    const clock = new ManualClock(1_800_000_000_000);
    await start({}, { responses: { ttl: '2h' } }, { clock });
    const { id } = bodyOf(await ask());
    clock.advance(2 * 3_600_000 - 1_000);
    expect((await at(id)).status).toBe(200);
    clock.advance(1_000);
    expect((await at(id)).status).toBe(404);
  });

  test('cannot be kept: the answer goes out all the same', async () => {
    const store = new (class extends MemoryResponseStore {
      override put(): Promise<void> {
        return Promise.reject(new Error('disk full'));
      }
    })(new ManualClock(0));
    await start({}, {}, { responses: store });
    expect(bodyOf(await ask()).output[0].content[0].text).toBe(ANSWER);
    expect(readResponseEvents((await ask({ stream: true })).text).at(-1)!['type']).toBe('response.completed');
  });

  test('cannot be cancelled or streamed again, and says so', async () => {
    await start();
    const { id } = bodyOf(await ask());
    expect(await at(`${id}/cancel`, 'POST')).toMatchObject({ status: 400, body: { error: { param: 'response_id' } } });
    expect(await at(`${id}?stream=true`)).toMatchObject({ status: 400, body: { error: { param: 'stream' } } });
    for (const query of ['limit=0', 'limit=x', 'order=up', 'after=nobody']) {
      expect((await at(`${id}/input_items?${query}`)).status).toBe(400);
    }
  });
});

test('a chain keeps the tier that its first question was given', async () => {
  await start();
  const hard =
    'Prove that there are infinitely many primes congruent to 3 modulo 4, and then explain step by step why the same ' +
    'argument fails for primes congruent to 1 modulo 4, citing every lemma that you use.';
  const first = await ask({ input: hard });
  expect(first.headers['x-rightsize-tier']).toBe('large');
  const next = await ask({ input: 'Thanks!', instructions: 'Be kind.', previous_response_id: bodyOf(first).id });
  expect(next.headers['x-rightsize-tier']).toBe('large');
  expect(next.headers['x-rightsize-reason']).toContain('conversation stays on large');
  expect((await ask({ input: 'Thanks!' })).headers['x-rightsize-tier']).toBe('small');
});
