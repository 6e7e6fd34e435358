import { expect, test } from 'vitest';
import { completionToChunks } from '../../src/contract/completion-to-chunks.ts';
import { FoldedAnswer } from '../../src/contract/fold-chunks.ts';
import type { ChatCompletion, ChatCompletionChunk } from '../../src/contract/openai.ts';

const fold = (chunks: ChatCompletionChunk[]) => {
  const folded = new FoldedAnswer();
  for (const chunk of chunks) folded.add(chunk);
  return folded.completion();
};

const completion = (overrides: Partial<ChatCompletion> = {}): ChatCompletion => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 7,
  model: 'm',
  system_fingerprint: 'fp',
  service_tier: 'default',
  choices: [{ index: 0, message: { role: 'assistant', content: 'né ☃' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  ...overrides,
});

const call = (id: string, text: string) => ({ id, type: 'function', function: { name: `f_${id}`, arguments: text } });

test.each([
  ['text', completion()],
  ['no usage', completion({ usage: undefined })],
  [
    'two choices',
    completion({
      choices: [
        { index: 0, message: { role: 'assistant', content: 'a' }, finish_reason: 'stop' },
        { index: 1, message: { role: 'assistant', content: 'b' }, finish_reason: 'length' },
      ],
    }),
  ],
  [
    'tool calls',
    completion({
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: null, tool_calls: [call('a', '{}'), call('b', '{"x":1}')] },
          finish_reason: 'tool_calls',
        },
      ],
    }),
  ],
  [
    'reasoning and refusal',
    completion({
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'c', reasoning_content: 'r', refusal: 'n' },
          finish_reason: 'stop',
        },
      ],
    }),
  ],
  [
    'logprobs',
    completion({
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'c' },
          logprobs: { content: [{ token: 'c', logprob: -1 }], refusal: null },
          finish_reason: 'stop',
        },
      ],
    }),
  ],
])('a plain answer that is streamed and folded is the same answer: %s', (_, plain) => {
  expect(JSON.parse(JSON.stringify(fold(completionToChunks(plain))))).toEqual(JSON.parse(JSON.stringify(plain)));
});

test('fragments are joined in their order, choice by choice and call by call', () => {
  const chunk = (index: number, delta: object, finish_reason: string | null = null) =>
    ({
      id: 'c',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'm',
      choices: [{ index, delta, finish_reason }],
    }) as ChatCompletionChunk;
  const part = (index: number, text: string) => ({ tool_calls: [{ index, function: { arguments: text } }] });
  const folded = fold([
    chunk(1, { role: 'assistant', content: '' }),
    chunk(0, { role: 'assistant', content: null }),
    chunk(1, { content: 'he' }),
    chunk(0, { tool_calls: [{ index: 0, ...call('a', '') }] }),
    chunk(0, part(0, '{"x"')),
    chunk(1, { content: 'llo' }, 'stop'),
    chunk(0, { tool_calls: [{ index: 1, ...call('b', '') }] }),
    chunk(0, part(1, '[')),
    chunk(0, part(0, ':1}')),
    chunk(0, part(1, ']')),
    chunk(0, {}, 'tool_calls'),
  ]);
  expect(folded?.choices).toEqual([
    {
      index: 0,
      message: { role: 'assistant', content: null, tool_calls: [call('a', '{"x":1}'), call('b', '[]')] },
      finish_reason: 'tool_calls',
    },
    { index: 1, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' },
  ]);
});

test('an answer without every finish reason is no answer', () => {
  expect(fold([])).toBeNull();
  expect(fold(completionToChunks(completion()).slice(0, 2))).toBeNull();
});

test('an empty name in a later tool delta does not take the name away', () => {
  const folded = new FoldedAnswer();
  const delta = (fn: object, finish_reason: string | null = null) =>
    ({
      id: 'c',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'm',
      choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: fn }] }, finish_reason }],
    }) as never;
  folded.add(delta({ name: 'look', arguments: '{' }));
  folded.add(delta({ name: '', arguments: '}' }, 'tool_calls'));
  expect(folded.completion()?.choices[0]?.message.tool_calls?.[0]?.function).toEqual({ name: 'look', arguments: '{}' });
});
