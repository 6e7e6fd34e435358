import { request } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { post, type RawReply } from '../support/chat-client.ts';
import { ANSWER, behaviours, FaultyUpstream, good } from '../support/faulty-upstream.ts';
import {
  breaksAfter,
  CIPHER,
  NATIVE_MESSAGE,
  NATIVE_TEXT,
  nativeEvents,
  SEARCH,
  speaksResponses,
} from '../support/responses-upstream.ts';
import { LONG_TIMEOUTS, PRICES, startGateway, type TestGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

let local: FaultyUpstream;
let cloud: FaultyUpstream;
let other: FaultyUpstream;
let gateway: TestGateway;

const routes = () => ({
  version: 1,
  upstreams: {
    local: { kind: 'openai-compatible', url: local.url, timeouts: LONG_TIMEOUTS },
    cloud: { kind: 'openai', url: cloud.url, apiKey: 'sk-1', timeouts: LONG_TIMEOUTS },
    other: { kind: 'openai', url: other.url, apiKey: 'sk-2', timeouts: LONG_TIMEOUTS },
  },
  tiers: [
    { name: 'small', models: [{ upstream: 'local', model: 'small-1', price: PRICES.small }] },
    {
      name: 'large',
      models: [
        { upstream: 'cloud', model: 'gpt-x', price: PRICES.large },
        { upstream: 'other', model: 'gpt-y', weight: 0 },
      ],
    },
  ],
  routes: [
    { name: 'default', match: { model: 'auto' }, difficulty: { threshold: 0.55 }, retries: 0 },
    { name: 'cached', match: { model: 'cached' }, tier: 'large', cache: { ttl: '1h' }, retries: 0 },
  ],
});

beforeAll(async () => {
  [local, cloud, other] = await Promise.all([FaultyUpstream.start(), FaultyUpstream.start(), FaultyUpstream.start()]);
});
afterAll(async () => {
  await Promise.all([local.close(), cloud.close(), other.close()]);
});
// Each test has its own gateway: upstreams fail here, and circuits remember.
beforeEach(async () => {
  gateway = await startGateway({ routes: routes() });
  local.always(good);
  for (const upstream of [cloud, other]) upstream.always(speaksResponses);
  for (const upstream of [local, cloud, other]) upstream.forget();
});

afterEach(() => gateway.close());

const ask = (body: Record<string, unknown>, headers: Record<string, string> = {}) =>
  post(gateway.url, { model: 'auto', input: 'What is 2+2?', ...body }, headers, '/v1/responses');
const TO_LARGE = { 'x-rightsize-tier': 'large' };
const WEB = [{ type: 'web_search' }];
const entryOf = ({ headers }: Pick<RawReply, 'headers'>) =>
  until(async () => (await gateway.entries()).find(({ id }) => id === headers['x-request-id']), 5_000, 'the entry');
const withoutTrailer = (text: string) => text.replace(/^: x-rightsize.*\n\n/gm, '');

describe('an upstream that speaks responses', () => {
  test('is asked in the ordinary way for a response in the background, and keeps no copy under an id that nobody knows', async () => {
    const { id } = JSON.parse((await ask({ background: true, tools: WEB })).text);
    const found = await until(async () => {
      const response = JSON.parse(await (await request(`${gateway.url}/v1/responses/${id}`)).body.text());
      return response.status === 'completed' && response;
    });
    expect(found).toMatchObject({ id, background: true, output: [CIPHER, SEARCH, NATIVE_MESSAGE] });
    expect(cloud.last.body).toMatchObject({ store: false });
    expect(cloud.last.body).not.toHaveProperty('background');
  });

  test('is sent what the client wrote, with only the model replaced', async () => {
    const body =
      '{"model":"auto",  "input":[{"type":"message","role":"user","content":"hi","odd":1e3}],"seed": 12345678901234567890,"tools":[{"type":"web_search"}]}';
    expect((await post(gateway.url, body, {}, '/v1/responses')).status).toBe(200);
    expect(cloud.last.path).toBe('/v1/responses');
    expect(cloud.last.headers.authorization).toBe('Bearer sk-1');
    expect(cloud.last.bytes.toString()).toBe(
      '{"model":"gpt-x","input":[{"type":"message","role":"user","content":"hi","odd":1e3}],"seed": 12345678901234567890,"tools":[{"type":"web_search"}]}',
    );
    expect(local.calls).toHaveLength(0);
  });

  test('is answered from, plain, byte for byte, and the ledger has its tokens', async () => {
    const reply = await ask({ tools: WEB });
    expect(reply.text).toContain('"big": 12345678901234567890, "output"');
    expect(reply.headers['x-rightsize-reason']).toContain(
      'The tool "web_search" needs an upstream that speaks responses',
    );
    const entry = await entryOf(reply);
    expect(entry).toMatchObject({ endpoint: '/v1/responses', tier: 'large', upstream: 'cloud', outcome: 'ok' });
    expect(entry.tokens).toMatchObject({
      promptTokens: 21,
      cachedTokens: 5,
      completionTokens: 9,
      reasoningTokens: 4,
      isEstimated: false,
    });
    expect(entry.attempts).toHaveLength(1);
  });

  test('is answered from, streamed, event for event', async () => {
    const reply = await ask({ tools: WEB, stream: true });
    expect(withoutTrailer(reply.text)).toBe(nativeEvents(`resp_native_${cloud.last.id}`).join(''));
    expect(reply.text.indexOf(': x-rightsize-cost-usd')).toBeLessThan(reply.text.indexOf('response.completed'));
    expect(await entryOf(reply)).toMatchObject({ isStream: true, tokens: { promptTokens: 21, completionTokens: 9 } });
  });

  test('is asked in chat where its answer is to be judged, unless chat cannot say the request', async () => {
    const [{ local: _local, ...upstreams }, [, large]] = [routes().upstreams, routes().tiers];
    const tiers = [{ name: 'small', models: [{ upstream: 'other', model: 'gpt-small' }] }, large];
    const route = { name: 'judged', tier: 'small', escalate: { minConfidence: 0.7 } };
    const judging = await startGateway({ routes: { version: 1, upstreams, tiers, routes: [route] } });
    try {
      const send = (body: object) =>
        post(judging.url, { model: 'auto', input: 'What is 2+2?', ...body }, {}, '/v1/responses');
      expect(JSON.parse((await send({})).text).output[0].content[0].text).toBe(ANSWER);
      expect(other.last.path).toBe('/v1/chat/completions');
      expect(other.last.body).toMatchObject({ stream: true, logprobs: true });
      expect((await send({ tools: WEB })).text).toContain(NATIVE_TEXT);
      expect(other.last.path).toBe('/v1/responses');
      expect(other.last.body).not.toHaveProperty('stream');
    } finally {
      await judging.close();
    }
  });
});

describe('a request that only responses can say', () => {
  test.each([
    ['a hosted tool', { tools: [{ type: 'function', name: 'f' }, { type: 'code_interpreter' }] }, 'tools[1]'],
    ['a conversation', { conversation: 'conv_1' }, 'conversation'],
    ['a stored prompt', { prompt: { id: 'pmpt_1' }, input: undefined }, 'prompt'],
    [
      'a file by its address',
      { input: [{ role: 'user', content: [{ type: 'input_file', file_url: 'https://x.test/a.pdf' }] }] },
      'input[0].content[0]',
    ],
    ['a computer’s screen', { input: [{ type: 'computer_call_output', call_id: 'c', output: {} }] }, 'input[0]'],
  ])('%s goes to an upstream that speaks it, and is refused by name at one that does not', async (_, body, param) => {
    expect((await ask(body)).status).toBe(200);
    expect([local.calls.length, cloud.calls.length]).toEqual([0, 1]);
    const refused = await ask({ ...body, model: 'small-1' });
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.text).error).toMatchObject({ code: 'unsupported_parameter', param });
    expect(local.calls).toHaveLength(0);
    expect(await entryOf(refused)).toMatchObject({ outcome: 'refused', errorCode: 'unsupported_parameter' });
  });

  test('is not answered from the cache', async () => {
    for (const _ of [1, 2])
      expect((await ask({ model: 'cached', tools: WEB })).headers['x-rightsize-cache']).toBe('bypass');
    expect(cloud.calls).toHaveLength(2);
  });
});

test('a native answer that chat could have given is kept as chat sees it, for any dialect', async () => {
  const question = { model: 'cached', input: 'What is kept?' };
  expect((await ask(question)).headers['x-rightsize-cache']).toBe('miss');
  const again = await ask(question);
  expect(again.headers['x-rightsize-cache']).toBe('hit');
  const { id, output } = JSON.parse(again.text);
  expect(id).toMatch(/^resp_0/);
  expect(output.at(-1).content[0].text).toBe(NATIVE_TEXT);
  const chat = { model: 'cached', messages: [{ role: 'user', content: 'What is kept?' }] };
  const inChat = await post(gateway.url, chat);
  expect(inChat.headers['x-rightsize-cache']).toBe('hit');
  expect(JSON.parse(inChat.text).choices[0].message.content).toBe(NATIVE_TEXT);
  expect(cloud.calls).toHaveLength(1);
});

describe('when an attempt fails', () => {
  test('a local model in chat is followed by a native one, from the client’s own text', async () => {
    local.always(behaviours['HTML 502']);
    const body = '{"model":"auto","input":"What is 2+2?","top_k":7}';
    const reply = await post(gateway.url, body, {}, '/v1/responses');
    expect(reply.text).toContain(NATIVE_TEXT);
    expect(JSON.parse(local.last.bytes.toString())).toEqual({
      model: 'small-1',
      top_k: 7,
      messages: [{ role: 'user', content: 'What is 2+2?' }],
    });
    expect(cloud.last.bytes.toString()).toBe('{"model":"gpt-x","input":"What is 2+2?","top_k":7}');
    expect((await entryOf(reply)).attempts.map(({ upstream, outcome }) => [upstream, outcome])).toEqual([
      ['local', 'error'],
      ['cloud', 'ok'],
    ]);
  });

  test.each([
    ['before any event', 0],
    ['before its first item', 2],
    ['before it did anything', 4],
  ])('a native stream that breaks off %s is answered by another, invisibly', async (_, count) => {
    cloud.script(breaksAfter(count, (call) => call.cut()));
    const reply = await ask({ tools: WEB, stream: true });
    expect(withoutTrailer(reply.text)).toBe(nativeEvents(`resp_native_${other.last.id}`).join(''));
  });

  test.each([
    ['a broken connection', (call: { cut(): void }) => call.cut()],
    ['a clean end in the middle', (call: { response: { end(): void } }) => call.response.end()],
  ])('after content has left, %s ends as error and response.failed under the same id', async (_, end) => {
    cloud.script(breaksAfter(10, end as never));
    const reply = await ask({ tools: WEB, stream: true });
    const events = reply.events.map((data) => JSON.parse(data));
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['error', 'response.failed']);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((__, index) => index));
    expect(events.at(-1).response).toMatchObject({
      id: `resp_native_${cloud.last.id}`,
      status: 'failed',
      error: { code: 'server_error' },
    });
    expect(other.calls).toHaveLength(0);
    expect(await entryOf(reply)).toMatchObject({ outcome: 'error', errorCode: 'upstream_interrupted' });
  });

  test('a response that says it failed is tried elsewhere, and its words reach the reason', async () => {
    cloud.script((call) =>
      call.json({ id: 'resp_x', status: 'failed', error: { code: 'server_error', message: 'oh' }, output: [] }),
    );
    expect((await ask({ tools: WEB })).headers['x-rightsize-upstream']).toBe('other');
  });

  test('a request that the upstream finds wrong comes back in its own words', async () => {
    const error = { error: { message: 'Bad tool.', type: 'invalid_request_error', param: 'tools[0]', code: null } };
    cloud.script((call) => call.json(error, 400));
    const reply = await ask({ tools: WEB });
    expect([reply.status, JSON.parse(reply.text)]).toEqual([400, error]);
  });
});

describe('a chain', () => {
  const idOf = (reply: { text: string }): string => JSON.parse(reply.text).id;

  test('goes back to the upstream that made it, untouched, though the next question is easy', async () => {
    const first = idOf(await ask({ tools: WEB }));
    const body = `{"model":"auto","input":"And 3+3?", "previous_response_id":"${first}"}`;
    const reply = await post(gateway.url, body, {}, '/v1/responses');
    expect(reply.headers['x-rightsize-upstream']).toBe('cloud');
    expect(reply.headers['x-rightsize-reason']).toContain('cloud made what it goes on from');
    expect(cloud.last.bytes.toString()).toBe(`{"model":"gpt-x","input":"And 3+3?","previous_response_id":"${first}"}`);
  });

  test('moves to another native upstream with its items, without ciphers and ids of the first', async () => {
    const first = idOf(await ask({ tools: WEB, instructions: 'Be brief.' }));
    cloud.always(behaviours['HTML 502']);
    await ask({ tools: WEB, input: 'Go on.', previous_response_id: first });
    const { id: _ws, status: _s1, ...search } = SEARCH;
    const { id: _msg, status: _s2, ...message } = NATIVE_MESSAGE;
    expect(JSON.parse(other.last.bytes.toString())).toEqual({
      model: 'gpt-y',
      tools: WEB,
      input: [
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'What is 2+2?' }] },
        search,
        message,
        { type: 'message', role: 'user', content: 'Go on.' },
      ],
    });
  });

  test.each(['previous_response_not_found', 'invalid_encrypted_content'])(
    'that its upstream refuses with %s goes on at another, with its items',
    async (code) => {
      const first = idOf(await ask({ tools: WEB }));
      cloud.script((call) =>
        call.json({ error: { message: 'no', type: 'invalid_request_error', param: null, code } }, 400),
      );
      const reply = await ask({ tools: WEB, input: 'Go on.', previous_response_id: first });
      expect(reply.headers['x-rightsize-upstream']).toBe('other');
      const sent = JSON.parse(other.last.bytes.toString());
      expect(sent).not.toHaveProperty('previous_response_id');
      expect(sent.input).toHaveLength(4);
    },
  );

  test('is deleted at the upstream that keeps it too, and stays while that refuses', async () => {
    const id = idOf(await ask({ tools: WEB }));
    const remove = async () => {
      const response = await request(`${gateway.url}/v1/responses/${id}`, { method: 'DELETE' });
      return [response.statusCode, await response.body.json()];
    };
    cloud.script(behaviours['HTML 502']);
    expect((await remove())[0]).toBe(502);
    expect(await remove()).toEqual([200, { id, object: 'response', deleted: true }]);
    expect([cloud.last.path, cloud.last.headers.authorization]).toEqual([`/v1/responses/${id}`, 'Bearer sk-1']);
    expect((await remove())[0]).toBe(404);
  });

  test('moves to a model that speaks chat alone, as messages', async () => {
    const first = idOf(await ask({ tools: WEB }));
    for (const upstream of [cloud, other]) upstream.always(behaviours['HTML 502']);
    const body = { input: 'Go on.', previous_response_id: first, model: 'small-1' };
    expect((await ask(body)).text).toContain(ANSWER);
    expect(local.last.body.messages).toEqual([
      { role: 'user', content: 'What is 2+2?' },
      { role: 'assistant', content: NATIVE_TEXT },
      { role: 'user', content: 'Go on.' },
    ]);
  });

  test('that began with chat goes on natively with its items', async () => {
    const first = await ask({ instructions: 'Be brief.' });
    expect(first.headers['x-rightsize-upstream']).toBe('local');
    await ask({ tools: WEB, input: 'Search.', previous_response_id: idOf(first) });
    expect(JSON.parse(cloud.last.bytes.toString()).input).toEqual([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'What is 2+2?' }] },
      { type: 'message', role: 'assistant', content: [expect.objectContaining({ type: 'output_text', text: ANSWER })] },
      { type: 'message', role: 'user', content: 'Search.' },
    ]);
  });

  test('of items that the client sends itself: ciphers stay with the upstream that answered the conversation', async () => {
    const turn = (more: unknown[]) => ({
      store: false,
      tools: WEB,
      prompt_cache_key: 'codex-1',
      input: [{ role: 'user', content: 'Plan it.' }, ...more],
    });
    await ask(turn([]));
    const second = turn([CIPHER, NATIVE_MESSAGE, { role: 'user', content: 'Go on.' }]);
    await ask(second);
    expect(JSON.parse(cloud.last.bytes.toString()).input).toEqual(second.input);
    cloud.always(behaviours['HTML 502']);
    await ask(second);
    expect(JSON.parse(other.last.bytes.toString()).input).toEqual(second.input.filter((item) => item !== CIPHER));
  });

  test('by references to items: untouched at their maker, resolved elsewhere', async () => {
    await ask({ tools: WEB });
    const input = [
      { type: 'item_reference', id: 'msg_n1' },
      { role: 'user', content: 'Go on.' },
    ];
    await ask({ tools: WEB, input });
    expect(JSON.parse(cloud.last.bytes.toString()).input).toEqual(input);
    await ask({ input, model: 'small-1' });
    expect(local.last.body.messages).toEqual([
      { role: 'assistant', content: NATIVE_TEXT },
      { role: 'user', content: 'Go on.' },
    ]);
  });
});

test('chat with what only one provider can read stays with the upstream that answered so far', async () => {
  const file = { type: 'file', file: { file_id: 'file-1' } };
  const first = [{ role: 'user', content: [file, { type: 'text', text: 'Read this.' }] }];
  await post(gateway.url, { model: 'auto', messages: first }, TO_LARGE);
  cloud.always(behaviours['HTML 502']);
  const next = [...first, { role: 'assistant', content: 'I did.' }, { role: 'user', content: 'And?' }];
  await post(gateway.url, { model: 'auto', messages: next }, TO_LARGE);
  expect(other.calls).toHaveLength(1);
  cloud.always(good);
  cloud.forget();
  const reply = await post(gateway.url, { model: 'auto', messages: next });
  expect(reply.headers['x-rightsize-upstream']).toBe('other');
});
