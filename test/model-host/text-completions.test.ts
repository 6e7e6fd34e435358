import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chunks, json, open, startHost, type TestHost } from './support/test-host.ts';

let host: TestHost;
beforeAll(async () => {
  host = await startHost();
});
afterAll(() => host?.stop());

const ask = (fields: object) =>
  open(host.socketPath, '/v1/completions', { model: 'nano', prompt: 'The cat\n', seed: 1, ...fields }).answer;

test('goes on with a prompt as it is, without a chat format, for 16 tokens unless more are asked for', async () => {
  const answer = json(await ask({}));
  expect(answer).toMatchObject({ object: 'text_completion', model: 'nano', id: expect.stringMatching(/^cmpl-/) });
  expect(answer.choices).toEqual([{ index: 0, text: expect.any(String), logprobs: null, finish_reason: 'length' }]);
  expect(answer.usage.completion_tokens).toBe(16);
  const chat = json(
    await open(host.socketPath, '/v1/chat/completions', {
      model: 'nano',
      max_tokens: 1,
      messages: [{ role: 'user', content: 'The cat\n' }],
    }).answer,
  );
  expect(answer.usage.prompt_tokens).toBeLessThan(chat.usage.prompt_tokens);
  expect(json(await ask({ max_tokens: 3 })).usage.completion_tokens).toBe(3);
});

test('a stream has the same text in chunks of the same shape, and usage where it was asked for', async () => {
  const fields = { temperature: 0, max_tokens: 8 };
  const whole = json(await ask(fields));
  const parts = chunks(await ask({ ...fields, stream: true, stream_options: { include_usage: true } }));
  for (const part of parts) expect(part.object).toBe('text_completion');
  const choices = parts.flatMap((part) => part.choices);
  expect(choices.map(({ text }) => text).join('')).toBe(whole.choices[0].text);
  expect(choices.at(-1).finish_reason).toBe('length');
  expect(parts.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 8 } });
  const bare = chunks(await ask({ ...fields, stream: true }));
  expect(bare.every((part) => part.usage === undefined)).toBe(true);
});

test('several prompts and n make a list, those of the first prompt first; echo repeats the prompt', async () => {
  const { choices, usage } = json(await ask({ prompt: ['One\n', 'Two\n'], n: 2, echo: true, max_tokens: 2 }));
  expect(choices.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2, 3]);
  expect(choices.map(({ text }: { text: string }) => text.slice(0, 3))).toEqual(['One', 'One', 'Two', 'Two']);
  expect(usage.completion_tokens).toBe(8);
});

test('log-probabilities come in columns that name each token and its place', async () => {
  const { choices } = json(await ask({ logprobs: 2, max_tokens: 4, temperature: 0 }));
  const { text, logprobs } = choices[0];
  expect(logprobs.tokens).toHaveLength(4);
  expect(logprobs.tokens.join('')).toBe(text);
  expect(logprobs.text_offset[1]).toBe(logprobs.tokens[0].length);
  for (const [i, top] of logprobs.top_logprobs.entries()) {
    expect(logprobs.token_logprobs[i]).toBeLessThanOrEqual(0);
    expect(Object.keys(top).length).toBeLessThanOrEqual(2);
  }
});

test('a stop text ends the answer and is not in it', async () => {
  const { text } = json(await ask({ temperature: 0, max_tokens: 12 })).choices[0];
  const stop = text.slice(3, 6);
  const stopped = json(await ask({ temperature: 0, max_tokens: 12, stop })).choices[0];
  expect(stopped).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finish_reason: 'stop' });
});

describe('what cannot be done is refused by name', () => {
  test.each([
    [{ prompt: [1, 2] }, 'prompt', 'invalid_value'],
    [{ prompt: [] }, 'prompt', 'invalid_value'],
    [{ prompt: undefined }, 'prompt', 'invalid_value'],
    [{ suffix: '}' }, 'suffix', 'unsupported_parameter'],
    [{ best_of: 3 }, 'best_of', 'unsupported_parameter'],
    [{ logit_bias: { 5: 1 } }, 'logit_bias', 'unsupported_parameter'],
    [{ max_tokens: 0 }, 'max_tokens', 'invalid_value'],
    [{ prompt: 'cat '.repeat(9000) }, 'prompt', 'context_length_exceeded'],
  ])('%j', async (fields, param, code) => {
    const answer = await ask(fields);
    expect(answer.status).toBe(400);
    expect(json(answer).error).toMatchObject({ param, code });
  });
});

test('the official client reads both forms', async () => {
  const client = new OpenAI({ apiKey: 'none', baseURL: 'http://host/v1', fetch: overSocket, maxRetries: 0 });
  const plain = await client.completions.create({ model: 'nano', prompt: 'The cat\n', max_tokens: 4, temperature: 0 });
  expect(plain.choices[0]?.finish_reason).toBe('length');
  let text = '';
  for await (const part of await client.completions.create({
    model: 'nano',
    prompt: 'The cat\n',
    max_tokens: 4,
    temperature: 0,
    stream: true,
  })) {
    text += part.choices[0]?.text ?? '';
  }
  expect(text).not.toBe('');
});

const overSocket: typeof fetch = async (_, init) => {
  const answer = await open(host.socketPath, '/v1/completions', String(init?.body)).answer;
  const type = String(answer.headers['content-type']);
  return new Response(answer.text, { status: answer.status, headers: { 'content-type': type } });
};
