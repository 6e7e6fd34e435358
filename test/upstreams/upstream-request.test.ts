import { expect, test } from 'vitest';
import { type ChatRequest, parseChatRequest } from '../../src/contract/chat-request.ts';
import type { UpstreamKind } from '../../src/contract/vocabulary.ts';
import { presetOf } from '../../src/upstreams/presets/preset.ts';
import { toUpstreamBody } from '../../src/upstreams/upstream-request.ts';

const bodyOf = (request: ChatRequest, kind: UpstreamKind): string =>
  toUpstreamBody({ request, model: 'm', isStream: request.isStream }, presetOf(kind));

const bodyFor = (kind: UpstreamKind, fields: string): string =>
  bodyOf(
    parseChatRequest(Buffer.from(`{"model":"auto","messages":[{"role":"user","content":"x"}]${fields}}`)),
    kind,
  ).replace('"model":"m","messages":[{"role":"user","content":"x"}]', '…');

test.each<[UpstreamKind, string, string]>([
  ['openai', ',"max_tokens":5', ',"max_completion_tokens":5'],
  ['openai', ',"max_completion_tokens":5', ',"max_completion_tokens":5'],
  ['openai', ',"max_tokens":5,"max_completion_tokens":7', ',"max_completion_tokens":7'],
  ['mistral', ',"max_completion_tokens":5', ',"max_tokens":5'],
  ['ollama', ',"max_tokens":5', ',"max_tokens":5'],
  ['openrouter', ',"max_completion_tokens":5', ',"max_completion_tokens":5'],
  ['openai-compatible', ',"max_tokens":5', ',"max_tokens":5'],
  ['openai', ',"max_tokens":null', ',"max_tokens":null'],
  ['openai', ',"stream":false', ',"stream":false'],
  ['openai', ',"stream":true', ',"stream":true,"stream_options":{"include_usage":true}'],
  ['openai', ',"stream":true,"stream_options":null', ',"stream":true,"stream_options":{"include_usage":true}'],
  [
    'openai',
    ',"stream_options":{"include_usage":false},"stream":true',
    ',"stream_options":{"include_usage":true},"stream":true',
  ],
  ['vllm', ',"stream":true', ',"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true}'],
  ['openai', ',"seed":9007199254740993,"x":[1.0]', ',"seed":9007199254740993,"x":[1.0]'],
])('%s is sent %s as %s', (kind, fields, expected) => {
  expect(bodyFor(kind, fields)).toBe(`{…${expected}}`);
});

test.each<[UpstreamKind, string]>([
  ['openai', ',"logprobs":true,"top_logprobs":2'],
  ['vllm', ',"logprobs":true,"top_logprobs":2'],
  ['llama', ',"rightsize_confidence":{"tokens":24}'],
  ['mistral', ''],
  ['apple', ''],
])('%s is asked for its certainty with %s', (kind, expected) => {
  const request = parseChatRequest(
    Buffer.from('{"model":"auto","messages":[{"role":"user","content":"x"}],"logprobs":true}'),
  );
  const sent = JSON.parse(
    toUpstreamBody({ request, model: 'm', isStream: false, certaintyTokens: 24 }, presetOf(kind)),
  );
  const plain = JSON.parse(toUpstreamBody({ request, model: 'm', isStream: false }, presetOf(kind)));
  expect(sent).toEqual({ ...plain, ...JSON.parse(`{${expected.slice(1)}}`) });
  if (expected === '') expect(sent).not.toHaveProperty('logprobs');
});
