import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseChatRequest } from '../../src/contract/chat-request.ts';
import type { UpstreamKind } from '../../src/contract/vocabulary.ts';
import { presetOf } from '../../src/upstreams/presets/preset.ts';
import { toUpstreamBody } from '../../src/upstreams/upstream-request.ts';
import { chat, readAnswer } from '../support/chat-client.ts';
import { FaultyUpstream, good, TOOL_ARGUMENTS, tools } from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

const sent = (kind: UpstreamKind, fields: object, model = 'auto') => {
  const body = { model, messages: [{ role: 'user', content: 'x' }], ...fields };
  const request = parseChatRequest(Buffer.from(JSON.stringify(body)));
  const {
    model: _,
    messages: __,
    ...rest
  } = JSON.parse(toUpstreamBody({ request, model: 'm', isStream: request.isStream }, presetOf(kind)));
  return rest;
};

const tool = (name: string) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: {} } },
});
const named = (name: string) => ({ type: 'function', function: { name } });
const choosing = (tool_choice: unknown) => ({ tools: [tool('a'), tool('b')], tool_choice });

test.each<[UpstreamKind, object, object]>([
  ['openai', { top_k: 5, min_p: 0.1, chat_template_kwargs: {}, seed: 1 }, { seed: 1 }],
  ['openai', { max_tokens: 5, max_completion_tokens: 7 }, { max_completion_tokens: 7 }],
  [
    'azure',
    { max_tokens: 5, store: true, verbosity: 'low' },
    { max_completion_tokens: 5, store: true, verbosity: 'low' },
  ],
  [
    'vllm',
    { top_k: 5, min_p: 0.1, chat_template_kwargs: { a: 1 } },
    { top_k: 5, min_p: 0.1, chat_template_kwargs: { a: 1 } },
  ],
  [
    'ollama',
    { verbosity: 'low', prediction: {}, store: false, metadata: { a: 'b' }, service_tier: 'flex', user: 'u' },
    { user: 'u' },
  ],
  ['groq', { logit_bias: { 5: 1 }, service_tier: 'flex' }, { service_tier: 'flex' }],
  ['ollama', { n: 1, logit_bias: { 5: 1 }, ...choosing('auto') }, { n: 1, ...choosing('auto') }],
  ['ollama', choosing('required'), { tools: choosing('required').tools }],
  ['ollama', choosing('none'), {}],
  ['ollama', choosing(named('b')), { tools: [tool('b')] }],
  ['ollama', choosing(named('c')), { tools: [tool('a'), tool('b')] }],
  ['ollama', { tools: [named('a'), tool('b')] }, { tools: [tool('a'), tool('b')] }],
  ['ollama', { tools: [named('a'), named('b')], tool_choice: named('b') }, { tools: [tool('b')] }],
  ['ollama', { tools: [named('a')], tool_choice: 'none' }, {}],
  // What is no function is for the server to refuse.
  ...[null, 'x', 5, { parameters: 'x' }, { parameters: { properties: [] } }].map(
    (odd): [UpstreamKind, object, object] => [
      'ollama',
      { tools: [{ type: 'function', function: odd }], tool_choice: 'auto' },
      { tools: [{ type: 'function', function: odd }], tool_choice: 'auto' },
    ],
  ),
  ['llama-server', { tools: [named('a')] }, { tools: [named('a')] }],
  ['llama-server', choosing('required'), choosing('required')],
  ['llama-server', choosing(named('b')), { tools: [tool('b')], tool_choice: 'required' }],
  ['llama-server', choosing(named('c')), { tools: [tool('a'), tool('b')] }],
  ['vllm', choosing(named('b')), choosing(named('b'))],
  ['ollama', { verbosity: null, web_search_options: null }, { verbosity: null, web_search_options: null }],
  [
    'openai-compatible',
    { top_k: 5, logit_bias: { 5: 1 }, store: true },
    { top_k: 5, logit_bias: { 5: 1 }, store: true },
  ],
])('%s is sent of %j what it knows', (kind, asked, expected) => {
  expect(sent(kind, asked)).toEqual(expected);
});

test.each(['m', 'up/m'])('token ids go to a model that was named itself: %s', (model) => {
  expect(sent('vllm', { logit_bias: { 5: 1 } }, model)).toEqual({ logit_bias: { 5: 1 } });
});

test.each(['web_search_options', 'audio', 'moderation'])(
  '%s is refused by name where it cannot be honoured',
  (param) => {
    expect(() => sent('ollama', { [param]: {} })).toThrow(
      expect.objectContaining({ code: 'unsupported_parameter', param }),
    );
  },
);

test('more answers than one are refused by name where one is all that comes', () => {
  expect(() => sent('ollama', { n: 2 })).toThrow(
    expect.objectContaining({
      ...{ code: 'unsupported_parameter', param: 'n', isRetryable: true },
      message: "Unsupported parameter: 'n' other than 1 is not supported by upstreams of kind ollama.",
    }),
  );
});

describe('media that a message names', () => {
  const asked = (url: unknown) => ({
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'x' },
          { type: 'image_url', image_url: url },
        ],
      },
    ],
  });
  const DATA = 'data:image/png;base64,AAAA';

  test.each([
    'http://169.254.169.254/latest',
    'https://example.com/a.png',
    'file:///etc/passwd',
    '/etc/passwd',
    'FILE:///x',
  ])('is never fetched by a local runtime: %s', (url) => {
    for (const kind of ['llama-server', 'ollama', 'vllm', 'llama'] as const) {
      expect(() => sent(kind, asked({ url }))).toThrow(
        expect.objectContaining({ code: 'unsupported_parameter', param: 'messages[0].content[1]', isRetryable: true }),
      );
    }
    expect(() => sent('openai', asked({ url }))).not.toThrow();
  });

  test('goes there inlined', () => {
    for (const url of [{ url: DATA }, DATA]) expect(() => sent('llama-server', asked(url))).not.toThrow();
  });
});

describe('through the gateway', () => {
  let local: FaultyUpstream;
  let cloud: FaultyUpstream;
  let gateway: TestGateway;
  beforeAll(async () => {
    local = await FaultyUpstream.start();
    cloud = await FaultyUpstream.start();
    gateway = await startGateway({
      routes: {
        version: 1,
        upstreams: {
          local: { kind: 'ollama', url: local.url },
          cloud: { kind: 'openai', url: cloud.url, apiKey: 'sk-up' },
        },
        tiers: [
          { name: 'small', models: [{ upstream: 'local', model: 'm' }] },
          { name: 'large', models: [{ upstream: 'cloud', model: 'gpt' }] },
        ],
        routes: [{ name: 'default', match: { model: 'auto' }, tier: 'small', retries: 0 }],
      },
    });
  });
  afterAll(async () => {
    await gateway.close();
    await local.close();
    await cloud.close();
  });
  beforeEach(() => {
    for (const upstream of [local, cloud]) {
      upstream.always(good);
      upstream.forget();
    }
  });

  test('an answer names what its upstream was not sent, and only that', async () => {
    expect((await chat(gateway.url, { verbosity: 'low', service_tier: 'flex', store: false })).headers).toMatchObject({
      'x-rightsize-stripped': 'verbosity, service_tier',
    });
    expect((await chat(gateway.url)).headers).not.toHaveProperty('x-rightsize-stripped');
    expect((await chat(gateway.url, { model: 'gpt', verbosity: 'low' })).headers).not.toHaveProperty(
      'x-rightsize-stripped',
    );
  });

  test('what the first model cannot honour, the next is asked, however often; the first stays well for all else', async () => {
    for (let i = 0; i < 12; i++) {
      const reply = await chat(gateway.url, { web_search_options: {} });
      expect([reply.status, reply.headers['x-rightsize-upstream']]).toEqual([200, 'cloud']);
    }
    expect(local.calls).toHaveLength(0);
    expect((await chat(gateway.url)).headers['x-rightsize-upstream']).toBe('local');
  });

  const FUNCTIONS = { functions: [{ name: 'get_weather', parameters: {} }], function_call: { name: 'get_weather' } };
  const history = [
    { role: 'user', content: 'x' },
    { role: 'assistant', content: null, function_call: { name: 'get_weather', arguments: '{}' } },
    { role: 'function', name: 'get_weather', content: 'sunny' },
  ];

  test('deprecated functions are tools to a runtime that has no others, both ways', async () => {
    local.always(tools);
    const plain = await chat(gateway.url, { ...FUNCTIONS, messages: history });
    const { functions: _, function_call: __, ...body } = local.last.body;
    expect(local.last.body).not.toHaveProperty('functions');
    expect(body).toMatchObject({
      tools: [{ type: 'function', function: { name: 'get_weather' } }],
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
      messages: [
        history[0],
        { role: 'assistant', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_weather' } }] },
        { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
      ],
    });
    const [choice] = JSON.parse(plain.text).choices;
    expect(choice).toMatchObject({
      finish_reason: 'function_call',
      message: { function_call: { name: 'get_weather', arguments: TOOL_ARGUMENTS } },
    });
    expect(choice.message).not.toHaveProperty('tool_calls');

    const { chunks, finishReasons } = readAnswer(await chat(gateway.url, { ...FUNCTIONS, stream: true }));
    const deltas = chunks.flatMap(({ choices }) =>
      choices.map(({ delta }) => delta as { function_call?: { arguments?: string } }),
    );
    expect(deltas.map((delta) => delta.function_call?.arguments ?? '').join('')).toBe(TOOL_ARGUMENTS);
    expect(finishReasons).toEqual(['function_call']);
  });

  test('OpenAI gets deprecated functions as they are', async () => {
    await chat(gateway.url, { model: 'gpt', ...FUNCTIONS });
    expect(cloud.last.body).toMatchObject(FUNCTIONS);
  });

  test('tool arguments that are an object in a plain answer become the text that clients expect', async () => {
    local.always((call) => {
      const calls = [{ function: { name: 'f', arguments: { city: 'Köln' } } }];
      call.json(call.completion({ content: null, tool_calls: calls }, 'tool_calls'));
    });
    const [call] = JSON.parse((await chat(gateway.url)).text).choices[0].message.tool_calls;
    expect(call).toEqual({
      id: expect.stringMatching(/^call_/),
      type: 'function',
      function: { name: 'f', arguments: '{"city":"Köln"}' },
    });
  });
});
