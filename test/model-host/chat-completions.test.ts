import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chat, chunks, health, json, open, startHost, type TestHost } from './support/test-host.ts';

let host: TestHost;
beforeAll(async () => {
  host = await startHost({ contextTokens: 512 });
});
afterAll(() => host.stop());

const text = (answer: Awaited<ReturnType<typeof chat>>) =>
  chunks(answer)
    .map((chunk) => chunk.choices[0]?.delta.content ?? '')
    .join('');

describe('an answer', () => {
  test('ends itself, names its model and counts its tokens', async () => {
    const answer = await chat(host, { seed: 1 });
    const { choices, usage, model, object, id } = json(answer);
    expect(answer.headers['content-type']).toBe('application/json');
    expect({ model, object }).toEqual({ model: 'nano', object: 'chat.completion' });
    expect(id).toMatch(/^chatcmpl-[0-9a-f]{32}$/);
    expect(choices[0]).toMatchObject({ index: 0, finish_reason: 'stop', logprobs: null });
    expect(choices[0].message.content).toMatch(/\w+ .*\.$/);
    expect(usage.prompt_tokens).toBeGreaterThan(5);
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens);
  });

  test.each([
    ['default sampling', {}],
    ['greedy', { temperature: 0 }],
    ['top_p and penalties', { top_p: 0.8, frequency_penalty: 0.5, presence_penalty: 0.5 }],
    ['top_k and min_p', { top_k: 3, min_p: 0.05 }],
    ['a stop string', { stop: 'ne' }],
    ['few tokens', { max_tokens: 3 }],
    ['logprobs', { logprobs: true, top_logprobs: 3, stop: ['model', 'word'] }],
  ])('is the same streamed and not, with the same seed: %s', async (_, fields) => {
    const plain = json(await chat(host, { seed: 7, ...fields }));
    const streamed = await chat(host, { seed: 7, ...fields, stream: true, stream_options: { include_usage: true } });
    const parts = chunks(streamed);
    expect(text(streamed)).toBe(plain.choices[0].message.content);
    expect(parts.at(-2).choices[0].finish_reason).toBe(plain.choices[0].finish_reason);
    expect(parts.at(-1).usage.completion_tokens).toBe(plain.usage.completion_tokens);
    const logprobs = parts.flatMap((part) => part.choices[0]?.logprobs?.content ?? []);
    // Numbers may differ in the last digits: a prompt that is read anew is not batched as one that was kept.
    expect(logprobs.map(({ token }) => token)).toEqual(
      (plain.choices[0].logprobs?.content ?? []).map(({ token }: { token: string }) => token),
    );
  });

  test('repeats itself with the same seed and differs with others', async () => {
    const answers = await Promise.all(
      [3, 3, 4, 5, 6].map(async (seed) => json(await chat(host, { seed })).choices[0].message.content),
    );
    expect(answers[0]).toBe(answers[1]);
    expect(new Set(answers).size).toBeGreaterThan(2);
  });

  test('ends with length at max_tokens, and max_completion_tokens comes first', async () => {
    const answer = json(await chat(host, { seed: 2, max_tokens: 50, max_completion_tokens: 2 }));
    expect(answer.choices[0].finish_reason).toBe('length');
    expect(answer.usage.completion_tokens).toBe(2);
  });
});

test('a stop string never shows, wherever the borders of tokens fall in it', async () => {
  const whole = json(await chat(host, { seed: 9 })).choices[0].message.content as string;
  for (let start = 1; start < whole.length - 5; start++) {
    const stop = whole.slice(start, start + 5);
    const answer = await chat(host, { seed: 9, stop: ['\u0000', stop], stream: true });
    expect(text(answer)).toBe(whole.slice(0, whole.indexOf(stop)));
    expect(chunks(answer).at(-1).choices[0].finish_reason).toBe('stop');
  }
});

describe('a stream', () => {
  test('begins with the role, ends with the reason, and carries usage only when asked', async () => {
    const parts = chunks(await chat(host, { stream: true, seed: 1 }));
    expect(parts[0].choices[0].delta).toEqual({ role: 'assistant', content: '' });
    expect(parts.at(-1).choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' });
    expect(parts.slice(0, -1).every((part) => part.choices[0].finish_reason === null)).toBe(true);
    expect(parts.every((part) => !('usage' in part) && part.id === parts[0].id)).toBe(true);
  });

  test('ends with a usage chunk without choices when include_usage is set', async () => {
    const parts = chunks(await chat(host, { stream: true, stream_options: { include_usage: true } }));
    expect(parts.at(-1).choices).toEqual([]);
    expect(parts.at(-1).usage.total_tokens).toBeGreaterThan(0);
    expect(parts.slice(0, -1).every((part) => part.usage === null)).toBe(true);
  });

  test('counts on every chunk with continuous_usage_stats', async () => {
    const parts = chunks(await chat(host, { stream: true, seed: 1, stream_options: { continuous_usage_stats: true } }));
    const counts = parts.map((part) => part.usage.completion_tokens);
    expect(counts[0]).toBe(0);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts.at(-1)).toBe(parts.length - 2);
  });
});

test("logprobs have OpenAI's shape, and what was certain has a logarithm near zero", async () => {
  const answer = json(await chat(host, { temperature: 0, logprobs: true, top_logprobs: 2 }));
  const { content, refusal } = answer.choices[0].logprobs;
  expect(refusal).toBeNull();
  expect(content).toHaveLength(answer.usage.completion_tokens);
  expect(content.map(({ token }: { token: string }) => token).join('')).toBe(answer.choices[0].message.content);
  for (const { token, logprob, bytes, top_logprobs } of content) {
    expect(Buffer.from(bytes).toString()).toBe(token);
    expect(top_logprobs).toHaveLength(2);
    // Greedy: the chosen token leads the list.
    expect(top_logprobs[0]).toEqual({ token, logprob, bytes });
    expect(top_logprobs.reduce((sum: number, top: { logprob: number }) => sum + Math.exp(top.logprob), 0)).toBeLessThan(
      1.0001,
    );
  }
  const plain = json(await chat(host, { temperature: 0, logprobs: true }));
  expect(plain.choices[0].logprobs.content[0].top_logprobs).toEqual([]);
});

describe('refused by name', () => {
  const image = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }];
  test.each([
    ['a tool that is no function', { tools: [{ type: 'custom' }] }, 'unsupported_parameter', 'tools[0].type'],
    ['a choice without tools', { tool_choice: 'required' }, 'invalid_value', 'tool_choice'],
    ['another response_format', { response_format: { type: 'xml' } }, 'invalid_value', 'response_format.type'],
    ['confidence of two answers', { n: 2, rightsize_confidence: {} }, 'invalid_value', 'rightsize_confidence'],
    ['logit_bias', { logit_bias: { 5: 1 } }, 'unsupported_parameter', 'logit_bias'],
    ['audio', { modalities: ['text', 'audio'] }, 'unsupported_parameter', 'modalities'],
    ['an image', { messages: image }, 'unsupported_parameter', 'messages[0].content[0]'],
    ['five stops', { stop: ['a', 'b', 'c', 'd', 'e'] }, 'invalid_value', 'stop'],
    ['a wrong type', { temperature: 'warm' }, 'invalid_value', 'temperature'],
    ['no message', { messages: [] }, 'invalid_value', 'messages'],
    ['top_logprobs alone', { top_logprobs: 2 }, 'invalid_value', 'top_logprobs'],
  ])('%s', async (_, fields, code, param) => {
    const answer = await chat(host, fields);
    expect(answer.status).toBe(400);
    expect(json(answer).error).toMatchObject({ type: 'invalid_request_error', code, param });
  });

  test('harmless values of the same fields pass, null counts as absent', async () => {
    const fields = {
      tools: [],
      tool_choice: 'auto',
      response_format: { type: 'text' },
      n: 1,
      logit_bias: {},
      stop: null,
    };
    expect((await chat(host, fields)).status).toBe(200);
  });

  test('a prompt that is too long, with the words that clients look for', async () => {
    const tooMuch = { role: 'user', content: [{ type: 'text', text: 'word '.repeat(1_000_000) }] };
    expect(json(await chat(host, { messages: [tooMuch] })).error.message).toContain('more than 512 tokens');
    const answer = await chat(host, { messages: [{ role: 'user', content: 'word '.repeat(2000) }] });
    expect(answer.status).toBe(400);
    expect(json(answer).error.code).toBe('context_length_exceeded');
    expect(json(answer).error.message).toMatch(/^This model's maximum context length is 512 tokens\. However, /);
  });

  test('a body that is not JSON, another model, another path, another method', async () => {
    const statuses = await Promise.all([
      open(host.socketPath, '/v1/chat/completions', '{"model":').answer,
      chat(host, { model: 'other' }),
      open(host.socketPath, '/v1/nothing').answer,
      open(host.socketPath, '/v1/chat/completions').answer,
    ]);
    expect(statuses.map((answer) => [answer.status, json(answer).error.code])).toEqual([
      [400, 'invalid_json'],
      [404, 'model_not_found'],
      [404, 'not_found'],
      [405, 'method_not_allowed'],
    ]);
  });
});

describe('messages', () => {
  const promptTokens = async (messages: object[]) =>
    json(await chat(host, { messages, max_tokens: 1 })).usage.prompt_tokens as number;

  test('developer counts as system, and text parts as text', async () => {
    const asked = { role: 'user', content: 'Hello' };
    const asSystem = await promptTokens([{ role: 'system', content: 'Be brief.' }, asked]);
    const parts = [{ type: 'text', text: 'Be brief.' }];
    expect(await promptTokens([{ role: 'developer', content: parts }, asked])).toBe(asSystem);
    expect(asSystem).toBeGreaterThan(await promptTokens([asked]));
  });

  test('markup of the chat format inside a message stays text', async () => {
    const plain = await promptTokens([{ role: 'user', content: '' }]);
    const marked = await promptTokens([{ role: 'user', content: '<|im_end|>' }]);
    expect(marked - plain).toBeGreaterThan(1);
  });
});

test('models and health say what is served', async () => {
  const models = json(await open(host.socketPath, '/v1/models').answer);
  expect(models.data).toMatchObject([{ id: 'nano', object: 'model', owned_by: 'rightsize' }]);
  expect(json(await open(host.socketPath, '/v1/models/nano').answer)).toEqual(models.data[0]);
  expect((await open(host.socketPath, '/v1/models/other').answer).status).toBe(404);
  expect(await health(host)).toMatchObject({
    state: 'ready',
    pid: host.child.pid,
    model: { id: 'nano', architecture: 'llama', contextTokens: 512, gpu: 'off', threads: 1 },
    sequences: { total: 4, free: 4, waiting: 0 },
  });
});
