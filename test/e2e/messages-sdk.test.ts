import Anthropic, { APIError, AuthenticationError, BadRequestError, NotFoundError } from '@anthropic-ai/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AnyUpstream, type SeenRequest, sendJson } from '../support/any-upstream.ts';
import { post } from '../support/chat-client.ts';
import { ANSWER, FaultyUpstream, good, TOOL_ARGUMENTS, tools } from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const KEY = 'sk-right';
const USER = [{ role: 'user' as const, content: 'What is 2+2?' }];
const WEATHER = {
  name: 'get_weather',
  description: 'Weather of a city.',
  input_schema: { type: 'object' as const, properties: { city: { type: 'string' } } },
};

let chat: FaultyUpstream;
let native: AnyUpstream;
let gateway: TestGateway;

const NATIVE_MESSAGE = {
  id: 'msg_up',
  type: 'message',
  role: 'assistant',
  model: 'claude-1',
  content: [
    { type: 'thinking', thinking: 'Let me see.', signature: 'c2ln' },
    { type: 'text', text: 'Four.' },
  ],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 10, cache_read_input_tokens: 4, cache_creation_input_tokens: 0, output_tokens: 3 },
};
const NATIVE_EVENTS = [
  [
    'message_start',
    {
      message: {
        ...NATIVE_MESSAGE,
        content: [],
        stop_reason: null,
        usage: { ...NATIVE_MESSAGE.usage, output_tokens: 1 },
      },
    },
  ],
  ['content_block_start', { index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } }],
  ['content_block_delta', { index: 0, delta: { type: 'thinking_delta', thinking: 'Let me see.' } }],
  ['content_block_delta', { index: 0, delta: { type: 'signature_delta', signature: 'c2ln' } }],
  ['content_block_stop', { index: 0 }],
  ['ping', {}],
  ['content_block_start', { index: 1, content_block: { type: 'text', text: '' } }],
  ['content_block_delta', { index: 1, delta: { type: 'text_delta', text: 'Four.' } }],
  ['content_block_stop', { index: 1 }],
  ['message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 3 } }],
  ['message_stop', {}],
] as const;
const eventText = ([type, fields]: readonly [string, object]) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

const nativeGood = (request: SeenRequest) => {
  if (request.path.endsWith('/count_tokens')) return sendJson(request, { input_tokens: 42 });
  if (request.json['stream'] !== true) return sendJson(request, NATIVE_MESSAGE);
  request.response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of NATIVE_EVENTS) request.response.write(eventText(event));
  request.response.end();
};

beforeAll(async () => {
  chat = await FaultyUpstream.start();
  native = await AnyUpstream.start(nativeGood);
  const price = { input: 3, cachedInput: 0.3, output: 15 };
  gateway = await startGateway({
    routes: {
      version: 1,
      upstreams: {
        chat: { kind: 'openai-compatible', url: chat.url },
        anthropic: { kind: 'anthropic', url: native.url, apiKey: 'sk-ant' },
      },
      tiers: [
        { name: 'small', models: [{ upstream: 'chat', model: 'small-1', price }] },
        { name: 'large', models: [{ upstream: 'anthropic', model: 'claude-1', price }] },
      ],
      routes: [{ name: 'default', match: { model: 'auto' }, tier: 'small' }],
    },
    keys: [{ secret: KEY, caller: { keyId: 'key_a', team: 'default' } }],
  });
});
afterAll(async () => {
  await gateway.close();
  await chat.close();
  await native.close();
});
beforeEach(() => {
  chat.always(good);
  chat.forget();
  native.handler = nativeGood;
  native.seen.length = 0;
});

const client = (apiKey = KEY) => new Anthropic({ baseURL: gateway.url, apiKey, maxRetries: 0 });
const lastEntry = async () => (await gateway.entries()).at(-1)!;
const raw = (body: object) =>
  post(gateway.url, { model: 'auto', max_tokens: 50, messages: USER, ...body }, { 'x-api-key': KEY }, '/v1/messages');
const typesOf = (text: string) => [...text.matchAll(/^event: (\w+)$/gm)].map(([, type]) => type);

describe('translated to chat and back', () => {
  test('a plain answer is a message, routed, counted and priced like any request', async () => {
    const message = await client().messages.create({
      model: 'auto',
      max_tokens: 50,
      messages: USER,
      system: 'Be brief.',
    });
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'small-1',
      content: [{ type: 'text', text: ANSWER }],
      stop_reason: 'end_turn',
      stop_sequence: null,
    });
    expect(message.id).toMatch(/^msg_/);
    const { promptTokens, completionTokens } = chat.last.produced;
    expect(message.usage).toMatchObject({ input_tokens: promptTokens, output_tokens: completionTokens });
    expect(chat.last.body).toMatchObject({
      model: 'small-1',
      max_tokens: 50,
      messages: [{ role: 'system', content: 'Be brief.' }, USER[0]],
    });
    expect(await lastEntry()).toMatchObject({
      endpoint: '/v1/messages',
      tier: 'small',
      outcome: 'ok',
      route: 'default',
    });
  });

  test('a stream has the events in their order, and its usage at the end', async () => {
    const stream = client().messages.stream({ model: 'auto', max_tokens: 50, messages: USER });
    const message = await stream.finalMessage();
    expect(message.content).toEqual([expect.objectContaining({ type: 'text', text: ANSWER })]);
    const { promptTokens, completionTokens } = chat.last.produced;
    expect(message.usage).toMatchObject({ input_tokens: promptTokens, output_tokens: completionTokens });
    expect(message.stop_reason).toBe('end_turn');

    const { text } = await raw({ stream: true });
    const types = typesOf(text);
    expect(types.slice(0, 2)).toEqual(['message_start', 'content_block_start']);
    expect(types.slice(-3)).toEqual(['content_block_stop', 'message_delta', 'message_stop']);
    expect(new Set(types.slice(2, -3))).toEqual(new Set(['content_block_delta']));
    expect(text).not.toContain('[DONE]');
    expect(await lastEntry()).toMatchObject({ isStream: true, outcome: 'ok' });
  });

  test.each([true, false])('tools make a round trip, stream %s', async (isStream) => {
    chat.script(tools);
    const asked = {
      model: 'auto',
      max_tokens: 50,
      messages: USER,
      tools: [WEATHER],
      tool_choice: { type: 'any' as const },
    };
    const message = isStream
      ? await client().messages.stream(asked).finalMessage()
      : await client().messages.create(asked);
    expect(message.stop_reason).toBe('tool_use');
    const calls = message.content.filter((block) => block.type === 'tool_use');
    expect(calls.map(({ id, name, input }) => ({ id, name, input }))).toEqual([
      { id: 'call_a', name: 'get_weather', input: JSON.parse(TOOL_ARGUMENTS) },
      { id: 'call_b', name: 'get_time', input: JSON.parse(TOOL_ARGUMENTS) },
    ]);
    expect(chat.last.body).toMatchObject({
      tool_choice: 'required',
      tools: [{ type: 'function', function: { name: 'get_weather', parameters: WEATHER.input_schema } }],
    });

    const results = calls.map(({ id }) => ({ type: 'tool_result' as const, tool_use_id: id, content: 'sunny' }));
    await client().messages.create({
      ...asked,
      messages: [
        ...USER,
        { role: 'assistant', content: message.content },
        { role: 'user', content: [...results, { type: 'text', text: 'And now?' }] },
      ],
    });
    expect(chat.last.body.messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_a', type: 'function', function: { name: 'get_weather', arguments: TOOL_ARGUMENTS } },
          { id: 'call_b', type: 'function', function: { name: 'get_time', arguments: TOOL_ARGUMENTS } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_a', content: 'sunny' },
      { role: 'tool', tool_call_id: 'call_b', content: 'sunny' },
      { role: 'user', content: 'And now?' },
    ]);
  });

  test('calls written at the same time become blocks one after the other, whole', async () => {
    chat.script((call) => {
      call.open();
      const piece = (index: number, rest: object) => call.event(call.delta({ tool_calls: [{ index, ...rest }] }));
      call.role();
      piece(0, { id: 'a', type: 'function', function: { name: 'one', arguments: '{"x"' } });
      piece(1, { id: 'b', type: 'function', function: { name: 'two', arguments: '{"y"' } });
      piece(0, { function: { arguments: ':1}' } });
      piece(1, { function: { arguments: ':2}' } });
      call.finish('tool_calls');
      call.done();
    });
    const { content } = await client().messages.stream({ model: 'auto', max_tokens: 9, messages: USER }).finalMessage();
    expect(content).toMatchObject([
      { type: 'tool_use', id: 'a', name: 'one', input: { x: 1 } },
      { type: 'tool_use', id: 'b', name: 'two', input: { y: 2 } },
    ]);
  });

  test('images, documents, samplers, stops and thinking are said as chat says them', async () => {
    await client().messages.create({
      model: 'auto',
      max_tokens: 50,
      ...{ temperature: 0.5, top_k: 7 },
      stop_sequences: ['END'],
      metadata: { user_id: 'u-1' },
      thinking: { type: 'enabled', budget_tokens: 1024 },
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'text', text: 'And this?', cache_control: { type: 'ephemeral' } },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm', signature: 'x' },
            { type: 'text', text: 'A cat.' },
          ],
        },
        { role: 'user', content: 'Sure?' },
      ],
    });
    const { messages, ...rest } = chat.last.body;
    expect(rest).toMatchObject({ temperature: 0.5, top_k: 7, stop: ['END'], user: 'u-1', reasoning_effort: 'low' });
    expect(messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'text', text: 'And this?' },
        ],
      },
      { role: 'assistant', content: 'A cat.' },
      { role: 'user', content: 'Sure?' },
    ]);
  });

  test('thoughts are shown to who asked for thinking, and to nobody else', async () => {
    const thinking = (isStream: boolean) => (call: Parameters<typeof good>[0]) => {
      if (!isStream) return call.json(call.completion({ reasoning_content: 'hm', content: 'Four.' }));
      call.open();
      call.event(call.delta({ role: 'assistant', reasoning_content: 'hm' }));
      call.say('Four.');
      call.finish();
      call.done();
    };
    const asked = { model: 'auto', max_tokens: 2000, messages: USER };
    const budget = { type: 'enabled' as const, budget_tokens: 1024 };
    chat.always(thinking(true));
    const shown = await client()
      .messages.stream({ ...asked, thinking: budget })
      .finalMessage();
    expect(shown.content.map(({ type }) => type)).toEqual(['thinking', 'text']);
    expect((await client().messages.stream(asked).finalMessage()).content.map(({ type }) => type)).toEqual(['text']);
    chat.always(thinking(false));
    const plain = await client().messages.create({ ...asked, thinking: budget });
    expect(plain.content).toMatchObject([
      { type: 'thinking', thinking: 'hm' },
      { type: 'text', text: 'Four.' },
    ]);
  });

  test('a stream that breaks raises in the client', async () => {
    chat.script((call) => {
      call.open();
      call.role();
      call.say('Two and ');
      call.reset();
    });
    await expect(
      client().messages.stream({ model: 'auto', max_tokens: 50, messages: USER }).finalMessage(),
    ).rejects.toThrow(APIError);
    expect(await lastEntry()).toMatchObject({ outcome: 'error', errorCode: 'upstream_interrupted' });
  });

  test('a client that leaves ends the call', async () => {
    chat.script((call) => {
      call.open();
      call.role();
      call.say('Two and ');
    });
    const before = (await gateway.entries()).length;
    const stream = await client().messages.create({ model: 'auto', max_tokens: 50, messages: USER, stream: true });
    for await (const event of stream) if (event.type === 'content_block_delta') break;
    await chat.untilIdle();
    expect((await gateway.untilEntries(before + 1)).at(-1)).toMatchObject({ outcome: 'aborted' });
  });
});

describe('at an upstream that speaks messages', () => {
  test('the body goes there as it was written, with its own key and version, and the answer comes back to the letter', async () => {
    const body =
      '{ "model":"claude-1", "max_tokens":5,"messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]}],' +
      '"tools":[{"type":"web_search_20250305","name":"web_search"}], "x":1.10 }';
    const headers = { 'x-api-key': KEY, 'anthropic-version': '2023-06-01', 'anthropic-beta': 'context-1m' };
    const reply = await post(gateway.url, body, headers, '/v1/messages');
    expect(JSON.parse(reply.text)).toEqual(NATIVE_MESSAGE);
    expect(native.last.path).toBe('/v1/messages');
    expect(native.last.headers).toMatchObject({
      'x-api-key': 'sk-ant',
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'context-1m',
    });
    expect(native.last.headers).not.toHaveProperty('authorization');
    expect(native.last.bytes.toString()).toContain('"x":1.10');
    expect(await lastEntry()).toMatchObject({
      upstream: 'anthropic',
      tokens: { promptTokens: 14, cachedTokens: 4, completionTokens: 3 },
      costNanoUsd: 10 * 3_000 + 4 * 300 + 3 * 15_000,
    });
  });

  test('events pass word for word, the last after the ledger has its entry', async () => {
    const { text } = await raw({ model: 'claude-1', stream: true });
    const events = text.split('\n\n').filter((event) => event.startsWith('event:'));
    expect(events).toEqual(NATIVE_EVENTS.map((event) => eventText(event).trim()));
    expect(await lastEntry()).toMatchObject({ tokens: { promptTokens: 14, completionTokens: 3 }, outcome: 'ok' });
    const message = await client().messages.stream({ model: 'claude-1', max_tokens: 9, messages: USER }).finalMessage();
    expect(message.content).toMatchObject(NATIVE_MESSAGE.content);
  });

  test('a thought of another model, which nobody signed, is left out; a signed one stays', async () => {
    const thought = (signature: string) => ({ type: 'thinking' as const, thinking: 'hm', signature });
    const said = { type: 'text' as const, text: 'Four.' };
    const messages = [
      ...USER,
      { role: 'assistant' as const, content: [thought(''), said] },
      { role: 'user' as const, content: 'Sure?' },
      { role: 'assistant' as const, content: [thought('c2ln'), said] },
      { role: 'user' as const, content: 'Really?' },
    ];
    await client().messages.create({ model: 'claude-1', max_tokens: 5, messages });
    const sent = native.last.json['messages'] as { content: unknown }[];
    expect(sent[1]?.content).toEqual([said]);
    expect(sent[3]?.content).toEqual([thought('c2ln'), said]);
  });

  test('chat clients reach the same upstream in chat', async () => {
    native.handler = (request) =>
      sendJson(request, {
        ...{ id: 'c', object: 'chat.completion', created: 1, model: 'claude-1' },
        choices: [{ index: 0, message: { role: 'assistant', content: 'Four.' }, finish_reason: 'stop' }],
      });
    const body = { model: 'claude-1', messages: USER };
    const reply = await post(gateway.url, body, { authorization: `Bearer ${KEY}` });
    expect(reply.status).toBe(200);
    expect(native.last.path).toBe('/v1/chat/completions');
    expect(native.last.headers.authorization).toBe('Bearer sk-ant');
  });

  test('what chat cannot say goes there alone, and is refused where nobody speaks messages', async () => {
    const search = { type: 'web_search_20250305', name: 'web_search' };
    const refused = await raw({ model: 'small-1', tools: [search] });
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.text)).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error', param: 'tools[0]' },
    });
    expect(chat.calls).toHaveLength(0);
  });

  test("the upstream's own refusal is relayed word for word", async () => {
    const error = { type: 'error', error: { type: 'invalid_request_error', message: 'max_tokens: too large' } };
    native.handler = (request) => sendJson(request, error, 400);
    const reply = await raw({ model: 'claude-1' });
    expect([reply.status, JSON.parse(reply.text)]).toEqual([400, error]);
  });
});

describe('errors are in the envelope of Anthropic, and raise its classes', () => {
  test('no key, a model that nobody has, a body that is wrong', async () => {
    const ask = (fields: object, key = KEY) =>
      client(key).messages.create({ model: 'auto', max_tokens: 5, messages: USER, ...fields });
    await expect(ask({}, 'sk-wrong')).rejects.toThrow(AuthenticationError);
    await expect(ask({ model: 'nobody' })).rejects.toThrow(NotFoundError);
    await expect(ask({ max_tokens: 0 })).rejects.toThrow(BadRequestError);
    await expect(ask({ messages: [] })).rejects.toThrow(BadRequestError);
    const { text, headers } = await raw({ max_tokens: undefined });
    expect(JSON.parse(text)).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error', param: 'max_tokens' },
    });
    expect(headers['x-request-id']).toMatch(/^req_/);
  });

  test('an upstream that fails', async () => {
    chat.script((call) => call.json({ error: { message: 'broken' } }, 500));
    const reply = await raw({ model: 'small-1' });
    expect(reply.status).toBe(502);
    expect(JSON.parse(reply.text)).toMatchObject({
      type: 'error',
      error: { type: 'api_error', code: 'upstream_error' },
    });
  });
});

describe('counting tokens', () => {
  const messages = () => client().messages;

  test('is asked of an upstream that speaks messages', async () => {
    expect(await messages().countTokens({ model: 'claude-1', messages: USER })).toEqual({ input_tokens: 42 });
    expect(native.last).toMatchObject({ path: '/v1/messages/count_tokens', json: { model: 'claude-1' } });
    expect(await lastEntry()).toMatchObject({ endpoint: '/v1/messages/count_tokens', costNanoUsd: 0 });
  });

  test('is estimated for all others, and when that upstream fails', async () => {
    const short = await messages().countTokens({ model: 'auto', messages: USER });
    expect(short.input_tokens).toBeGreaterThan(5);
    const long = await messages().countTokens({ model: 'auto', messages: USER, tools: [WEATHER], system: 'Be brief.' });
    expect(long.input_tokens).toBeGreaterThan(short.input_tokens + 10);
    native.handler = (request) => sendJson(request, { error: {} }, 500);
    expect((await messages().countTokens({ model: 'claude-1', messages: USER })).input_tokens).toBe(short.input_tokens);
    expect(chat.calls).toHaveLength(0);
  });
});

test('nothing is left open', async () => {
  await until(() => native.seen.every(({ isClosed }) => isClosed), 5_000, 'the end of all calls');
});
