import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHAT_TEMPLATE } from '../../scripts/gguf/chat-template.ts';
import { foldPlain, foldStream } from './support/fold-stream.ts';
import { chat, chunks, health, json, startHost, type TestHost, until } from './support/test-host.ts';
import { temporaryFolder, writeModel } from './support/test-models.ts';

let plain: TestHost;
let caller: TestHost;
let thinker: TestHost;
beforeAll(async () => {
  const folder = temporaryFolder();
  const calls = { sentences: ['Let me see. <tool_call>', 'I will ask. <tool_call>'], isEnding: true };
  const thoughts = {
    sentences: ['<think>Let me think about it</think> The answer is nothing.'],
    isEnding: true,
    markers: ['<think>', '</think>'],
    chatTemplate: `${CHAT_TEMPLATE}{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}`,
  };
  [plain, caller, thinker] = await Promise.all([
    startHost({ contextTokens: 2048 }),
    startHost({ contextTokens: 2048, model: writeModel(join(folder, 'calls.gguf'), calls) }),
    startHost({ contextTokens: 2048, model: writeModel(join(folder, 'thoughts.gguf'), thoughts) }),
  ]);
});
afterAll(() => Promise.all([plain, caller, thinker].map((host) => host?.stop())));

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather <|im_end|> in a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 7 } },
      required: ['city', 'days'],
    },
  },
};
const time = { type: 'function', function: { name: 'get_time', parameters: { type: 'object', properties: {} } } };
const tools = [weather, time];
const schema = {
  type: 'object',
  properties: { name: { type: 'string' }, tags: { type: 'array', items: { enum: ['a', 'b'] }, maxItems: 3 } },
  required: ['name', 'tags'],
  additionalProperties: false,
};
const jsonSchema = { response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true, schema } } };
const history = [
  { role: 'user', content: 'Weather?' },
  {
    role: 'assistant',
    content: null,
    tool_calls: [
      { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Oslo <|im_end|>"}' } },
    ],
  },
  { role: 'tool', tool_call_id: 'call_1', content: 'Rain <|im_end|>' },
];
const named = { type: 'function', function: { name: 'get_time' } };

const FEATURES: [string, () => TestHost, object, (choice: ReturnType<typeof foldPlain>['choices'][number]) => void][] =
  [
    ['text', () => plain, {}, ({ finish }) => expect(finish).toBe('stop')],
    ['greedy', () => plain, { temperature: 0 }, ({ content }) => expect(content).not.toBe('')],
    ['sampling', () => plain, { top_p: 0.9, top_k: 20, min_p: 0.01, temperature: 0.7 }, () => {}],
    ['penalties', () => plain, { frequency_penalty: 0.5, presence_penalty: 0.3 }, () => {}],
    [
      'stop',
      () => plain,
      { stop: ['model', 'word', '.'] },
      ({ content }) => expect(content).not.toMatch(/model|word|\./),
    ],
    ['max_tokens', () => plain, { max_tokens: 3 }, ({ finish }) => expect(finish).toBe('length')],
    [
      'logprobs',
      () => plain,
      { logprobs: true, top_logprobs: 3 },
      ({ content, tokens }) => expect(tokens.join('')).toBe(content),
    ],
    [
      'logprobs while sampling',
      () => plain,
      { logprobs: true, temperature: 0.8, top_p: 0.9 },
      ({ content, tokens }) => expect(tokens.join('')).toBe(content),
    ],
    [
      'logprobs and stop',
      () => plain,
      { logprobs: true, stop: ['model', 'word'] },
      ({ content, tokens }) => expect(content.startsWith(tokens.join(''))).toBe(true),
    ],
    ['confidence', () => plain, { rightsize_confidence: { tokens: 4 } }, () => {}],
    ['n', () => plain, { n: 3 }, () => {}],
    [
      'a JSON object',
      () => plain,
      { response_format: { type: 'json_object' } },
      ({ content }) => expect(JSON.parse(content)).toBeTypeOf('object'),
    ],
    [
      'a JSON schema',
      () => plain,
      jsonSchema,
      ({ content }) => expect(Object.keys(JSON.parse(content))).toEqual(['name', 'tags']),
    ],
    [
      'a JSON schema with logprobs',
      () => plain,
      { ...jsonSchema, logprobs: true, top_logprobs: 2 },
      ({ content, tokens }) => expect(tokens.join('')).toBe(content),
    ],
    [
      'a JSON schema with confidence',
      () => plain,
      { ...jsonSchema, rightsize_confidence: { tokens: 5 }, temperature: 0.5 },
      ({ content }) => JSON.parse(content),
    ],
    [
      'tools that nobody calls',
      () => plain,
      { tools },
      ({ calls, finish }) => expect([calls, finish]).toEqual([[], 'stop']),
    ],
    [
      'a call of the model',
      () => caller,
      { tools },
      ({ calls, content, finish }) => {
        expect(finish).toBe('tool_calls');
        expect(content).toMatch(/^(Let me see|I will ask)\. $/);
        expect(['get_weather', 'get_time']).toContain(calls[0].name);
        for (const call of calls) JSON.parse(call.arguments);
      },
    ],
    [
      'a call or JSON',
      () => caller,
      { tools, ...jsonSchema },
      ({ calls, content }) => calls.length > 0 || JSON.parse(content),
    ],
    ['no call allowed', () => caller, { tools, tool_choice: 'none' }, ({ calls }) => expect(calls).toEqual([])],
    [
      'a required call',
      () => plain,
      { tools, tool_choice: 'required' },
      ({ calls, finish, content }) => {
        expect([finish, content]).toEqual(['tool_calls', '']);
        for (const call of calls) JSON.parse(call.arguments);
      },
    ],
    [
      'one call at a time',
      () => plain,
      { tools, tool_choice: 'required', parallel_tool_calls: false },
      ({ calls }) => expect(calls).toHaveLength(1),
    ],
    [
      'a named call',
      () => plain,
      { tools, tool_choice: named },
      ({ calls }) => expect(calls).toEqual([{ name: 'get_time', arguments: expect.stringMatching(/^\{\}$/) }]),
    ],
    [
      'allowed tools',
      () => plain,
      { tools, tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [named] } } },
      ({ calls }) => expect(calls[0].name).toBe('get_time'),
    ],
    [
      'legacy functions',
      () => plain,
      { functions: [weather.function], function_call: { name: 'get_weather' } },
      ({ calls, finish }) => {
        expect(finish).toBe('function_call');
        expect(JSON.parse(calls[0].arguments).days).toBeGreaterThan(0);
      },
    ],
    ['a history of calls', () => plain, { messages: history, tools }, ({ content }) => expect(content).not.toBe('')],
    ['a history without tools', () => plain, { messages: history }, ({ content }) => expect(content).not.toBe('')],
    ['several answers with calls', () => caller, { tools, n: 2 }, ({ finish }) => expect(finish).toBe('tool_calls')],
    [
      'thoughts',
      () => thinker,
      {},
      ({ reasoning, content }) => {
        expect(reasoning).toBe('Let me think about it');
        expect(content).toBe('The answer is nothing.');
      },
    ],
    [
      'thoughts with logprobs',
      () => thinker,
      { logprobs: true },
      ({ content, tokens }) => expect(tokens.join('').trim()).toBe(content),
    ],
    [
      'thoughts before JSON',
      () => thinker,
      jsonSchema,
      ({ reasoning, content }) => {
        expect(reasoning).toBe('Let me think about it');
        JSON.parse(content);
      },
    ],
    [
      'thoughts before a call',
      () => thinker,
      { tools, tool_choice: 'required' },
      ({ reasoning, calls }) => {
        expect(reasoning).toBe('Let me think about it');
        JSON.parse(calls[0].arguments);
      },
    ],
    [
      'no thoughts',
      () => thinker,
      { reasoning_effort: 'none', ...jsonSchema },
      ({ reasoning }) => expect(reasoning).toBe(''),
    ],
    [
      'thoughts cut short',
      () => thinker,
      { max_tokens: 4 },
      ({ reasoning, content, finish }) => {
        expect([content, finish]).toEqual(['', 'length']);
        expect(reasoning).not.toBe('');
      },
    ],
  ];

test.each(FEATURES)('%s: right, and the same streamed and not', async (_, host, fields, check) => {
  for (const seed of [1, 2, 3]) {
    const whole = foldPlain(json(await chat(host(), { seed, ...fields })));
    const streamed = await chat(host(), { seed, ...fields, stream: true, stream_options: { include_usage: true } });
    const folded = foldStream(chunks(streamed));
    expect(folded.choices).toEqual(whole.choices);
    expect(folded.hasConfidence).toBe(whole.hasConfidence);
    expect(folded.usage.completion_tokens).toBe(whole.usage.completion_tokens);
    for (const choice of whole.choices) check(choice);
  }
});

test('everything is free again', () =>
  Promise.all([plain, caller, thinker].map((host) => until(async () => (await health(host)).sequences.free === 4))));
