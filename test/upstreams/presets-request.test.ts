import { expect, test } from 'vitest';
import { parseChatRequest } from '../../src/contract/chat-request.ts';
import type { UpstreamKind } from '../../src/contract/vocabulary.ts';
import { presetOf } from '../../src/upstreams/presets/preset.ts';
import { toUpstreamBody } from '../../src/upstreams/upstream-request.ts';

const sent = (kind: UpstreamKind, fields: object) => {
  const body = { model: 'auto', messages: [{ role: 'user', content: 'x' }], ...fields };
  const request = parseChatRequest(Buffer.from(JSON.stringify(body)));
  return JSON.parse(toUpstreamBody({ request, model: 'm', isStream: request.isStream }, presetOf(kind)));
};

test.each<[UpstreamKind, object, object]>([
  ['ollama', { max_completion_tokens: 5 }, { max_tokens: 5 }],
  ['lm-studio', { max_completion_tokens: 5 }, { max_tokens: 5 }],
  ['onnx', { max_completion_tokens: 5 }, { max_tokens: 5 }],
  ['apple', { max_completion_tokens: 5 }, { max_tokens: 5 }],
  ['litert', { max_tokens: 5 }, { max_completion_tokens: 5 }],
  ['llama-server', { max_completion_tokens: 5 }, { max_completion_tokens: 5 }],
  ['mlx', { max_tokens: 5 }, { max_tokens: 5 }],
  ['vllm', { max_completion_tokens: 5 }, { max_completion_tokens: 5 }],
])('%s gets the token limit under the name it reads', (kind, asked, expected) => {
  const { model: _, messages: __, ...rest } = sent(kind, asked);
  expect(rest).toEqual(expected);
});

const conversation = [
  { role: 'developer', content: 'Be brief.', name: 'owner' },
  { role: 'user', content: 'x' },
  { role: 'developer', content: 'In French.' },
];

test.each<UpstreamKind>(['llama-server', 'ollama', 'lm-studio', 'vllm', 'mlx', 'onnx', 'litert', 'apple'])(
  '%s gets developer messages as system messages',
  (kind) => {
    const [first, second, third] = sent(kind, { messages: conversation }).messages;
    expect(first).toEqual({ role: 'system', content: 'Be brief.', name: 'owner' });
    expect(second).toEqual(conversation[1]);
    expect(third.role).toBe('system');
  },
);

test.each<UpstreamKind>(['openai', 'azure', 'llama', 'openai-compatible'])(
  '%s gets developer messages as they are',
  (kind) => {
    expect(sent(kind, { messages: conversation }).messages).toEqual(conversation);
  },
);
