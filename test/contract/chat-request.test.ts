import { expect, test } from 'vitest';
import { parseChatRequest, toConversation } from '../../src/contract/chat-request.ts';
import { GatewayError } from '../../src/contract/errors.ts';

const messages = [{ role: 'user', content: 'hi' }];
const parse = (body: unknown) => parseChatRequest(Buffer.from(JSON.stringify(body)));

const failureOf = (run: () => unknown): GatewayError => {
  try {
    run();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('expected a failure');
};

test.each([
  ['model', { messages }],
  ['model', { model: 7, messages }],
  ['model', { model: null, messages }],
  ['messages', { model: 'm' }],
  ['messages', { model: 'm', messages: {} }],
  ['messages[1].role', { model: 'm', messages: [...messages, { role: 'wizard', content: 'x' }] }],
  ['messages[0]', { model: 'm', messages: ['hi'] }],
  ['messages[0].content', { model: 'm', messages: [{ role: 'user', content: [{ text: 'hi' }] }] }],
  ['messages[0].tool_calls', { model: 'm', messages: [{ role: 'assistant', tool_calls: {} }] }],
  ['temperature', { model: 'm', messages, temperature: 'hot' }],
  ['temperature', { model: 'm', messages, temperature: 2.1 }],
  ['top_p', { model: 'm', messages, top_p: -0.1 }],
  ['n', { model: 'm', messages, n: 129 }],
  ['max_tokens', { model: 'm', messages, max_tokens: 0 }],
  ['max_completion_tokens', { model: 'm', messages, max_completion_tokens: 1.5 }],
  ['frequency_penalty', { model: 'm', messages, frequency_penalty: 3 }],
  ['seed', { model: 'm', messages, seed: 1.5 }],
  ['stream', { model: 'm', messages, stream: 1 }],
  ['stream_options', { model: 'm', messages, stream: true, stream_options: [] }],
  ['stream_options.include_usage', { model: 'm', messages, stream: true, stream_options: { include_usage: 'yes' } }],
  ['tools', { model: 'm', messages, tools: {} }],
  ['tools[0].type', { model: 'm', messages, tools: [{}] }],
  ['response_format', { model: 'm', messages, response_format: 'json' }],
  ['top_logprobs', { model: 'm', messages, top_logprobs: 5 }],
])('a fault in %s is named in param', (param, body) => {
  const error = failureOf(() => parse(body));
  expect(error).toMatchObject({ code: 'invalid_value', status: 400, param, isRetryable: false });
  expect(error.message).toContain(param);
});

test.each([
  ['null means absent', { stream: null, temperature: null, tools: null, stream_options: null, seed: null, n: null }],
  ['a seed of 64 bits', { seed: 2 ** 63 }],
  [
    'limits at their edges',
    { temperature: 2, top_p: 0, n: 128, presence_penalty: -2, top_logprobs: 20, logprobs: true },
  ],
  [
    'fields and tools that it does not know',
    { provider: { order: [] }, tools: [{ type: 'custom', custom: {} }], verbosity: 'low' },
  ],
  [
    'assistant messages without content',
    { messages: [...messages, { role: 'assistant', content: null, tool_calls: [] }] },
  ],
  [
    'parts of any type',
    {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'hologram', data: 1 },
            { type: 'text', text: 'hi' },
          ],
        },
      ],
    },
  ],
])('%s is taken', (_, fields) => {
  expect(() => parse({ model: 'm', messages, ...fields })).not.toThrow();
});

test('the text is what was sent, whatever of it was understood', () => {
  const text = '{ "model":"m", "messages":[{"role":"user","content":"é"}] , "x":1e2,"seed":9007199254740993 }';
  expect(parseChatRequest(Buffer.from(text)).text).toBe(text);
});

test('a syntax error says where and never what: prompts stay private', () => {
  const messageOf = (text: string) => {
    const error = failureOf(() => parseChatRequest(Buffer.from(text)));
    expect(error.code).toBe('invalid_json');
    expect(error.message).not.toMatch(/password|hunter2|oops/);
    return error.message;
  };
  expect(messageOf('{"messages": "my password is hunter2", oops}')).toContain('at position 39 (line 1 column 40)');
  expect(messageOf('{"messages": "my password is hunter2", "a": oops}')).toContain('before its end');
  expect(messageOf('{"messages": "my password is hunter2"')).toContain('at position 37');
  expect(messageOf('{"messages":')).toContain('at its end');
});

test('the classifier is given words and structure, whatever their spelling on the wire', () => {
  const request = parse({
    model: 'm',
    messages: [
      { role: 'developer', content: 'be brief' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'image_url', image_url: { url: 'x' } },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'assistant', content: null },
      { role: 'function', content: 'r', name: 'f' },
    ],
    tools: [{ type: 'function' }],
    functions: [{ name: 'g' }],
    response_format: { type: 'json_schema' },
    reasoning_effort: 'high',
  });
  expect(toConversation(request.body)).toEqual({
    turns: [
      { role: 'system', text: 'be brief' },
      { role: 'user', text: 'a\n\nb' },
      { role: 'assistant', text: '' },
      { role: 'tool', text: 'r' },
    ],
    toolCount: 2,
    imageCount: 1,
    wantsJson: true,
    reasoningEffort: 'high',
  });
});
