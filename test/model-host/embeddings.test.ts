import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { json, open, startHost, type TestHost } from './support/test-host.ts';
import { temporaryFolder, writeEncoder } from './support/test-models.ts';

let host: TestHost;
beforeAll(async () => {
  host = await startHost({ name: 'vectors', model: writeEncoder(join(temporaryFolder(), 'embed.gguf')) });
});
afterAll(() => host?.stop());

const ask = async (fields: object, to = host) =>
  open(to.socketPath, '/v1/embeddings', { model: 'vectors', ...fields }).answer;
const embed = async (fields: object) => json(await ask(fields));
const dot = (a: number[], b: number[]) => a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

test('a text becomes a vector of length 1, and its tokens are counted', async () => {
  const answer = await embed({ input: 'the cat' });
  expect(answer).toMatchObject({ object: 'list', model: 'vectors', data: [{ object: 'embedding', index: 0 }] });
  const [{ embedding }] = answer.data;
  expect(embedding).toHaveLength(64);
  expect(dot(embedding, embedding)).toBeCloseTo(1, 6);
  // [CLS] the cat [SEP]
  expect(answer.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
});

test('a batch keeps its order, and each vector is that of its text alone', async () => {
  const input = ['the cat sleeps on the mat', 'what is the capital of france', 'the dog sleeps on the mat'];
  const { data } = await embed({ input });
  const alone = await Promise.all(input.map(async (text) => (await embed({ input: text })).data[0].embedding));
  expect(data.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2]);
  for (const [index, { embedding }] of data.entries()) expect(dot(embedding, alone[index])).toBeGreaterThan(0.99999);
  const [cat, capital, dog] = data.map(({ embedding }: { embedding: number[] }) => embedding);
  expect(dot(cat, dog)).toBeGreaterThan(dot(cat, capital));
});

test('base64 holds the same numbers as little-endian 32-bit floats', async () => {
  const [floats, base64] = await Promise.all([
    embed({ input: 'cat', encoding_format: 'float' }),
    embed({ input: 'cat', encoding_format: 'base64' }),
  ]);
  const bytes = Buffer.from(base64.data[0].embedding, 'base64');
  const decoded = Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
  expect(decoded).toEqual(floats.data[0].embedding.map(Math.fround));
});

test('dimensions cuts a vector and makes it of length 1 again', async () => {
  const whole = (await embed({ input: 'cat' })).data[0].embedding;
  const cut = (await embed({ input: 'cat', dimensions: 8 })).data[0].embedding;
  expect(cut).toHaveLength(8);
  expect(dot(cut, cut)).toBeCloseTo(1, 6);
  expect(cut[3] / cut[0]).toBeCloseTo(whole[3] / whole[0], 5);
});

describe('what cannot be done is refused by name', () => {
  test.each([
    [{ input: [1, 2, 3] }, 'input', /Token ids are not supported/],
    [{ input: [[1, 2], [3]] }, 'input', /Token ids are not supported/],
    [{ input: '' }, 'input', /empty/],
    [{ input: ['a', ''] }, 'input[1]', /empty/],
    [{ input: [] }, 'input', /empty/],
    [{ input: ['a', null] }, 'input[1]', /must be a string/],
    [{ input: 'a', dimensions: 65 }, 'dimensions', /has 64 dimensions/],
    [{ input: 'a', dimensions: 0 }, 'dimensions', /dimensions/],
    [{ input: 'a', encoding_format: 'int8' }, 'encoding_format', /encoding_format/],
    [{}, 'input', /input/],
  ])('%j', async (fields, param, words) => {
    const answer = await ask(fields);
    expect(answer.status).toBe(400);
    expect(json(answer).error).toMatchObject({ param, message: expect.stringMatching(words) });
  });

  test('a text that is too long', async () => {
    const answer = await ask({ input: ['cat', 'cat '.repeat(600)] });
    expect(answer.status).toBe(400);
    expect(json(answer).error).toMatchObject({
      code: 'context_length_exceeded',
      message: expect.stringMatching(/maximum context length is 512 tokens/),
    });
  });

  test('another model, and chat with a model that only makes vectors', async () => {
    expect((await ask({ model: 'other', input: 'a' })).status).toBe(404);
    const messages = [{ role: 'user', content: 'Hello' }];
    const answer = await open(host.socketPath, '/v1/chat/completions', { model: 'vectors', messages }).answer;
    expect(answer.status).toBe(400);
    expect(json(answer).error.message).toMatch(/is made for embeddings and not for chat/);
  });
});

test('a client that leaves ends its batch, and the next is answered at once', async () => {
  const large = open(host.socketPath, '/v1/embeddings', {
    model: 'vectors',
    input: Array(2048).fill('cat '.repeat(200)),
  });
  large.answer.catch(() => {});
  const first = await embed({ input: 'cat' });
  large.abort();
  expect((await embed({ input: 'cat' })).data).toEqual(first.data);
});

test('what the model can do is in /healthz and /v1/models', async () => {
  const health = json(await open(host.socketPath, '/healthz').answer);
  expect(health).toMatchObject({ state: 'ready', model: { task: 'embeddings', embeds: true, ranks: false } });
  expect(health.detail).toMatch(/for embeddings, texts of up to 512 tokens/);
  const models = json(await open(host.socketPath, '/v1/models').answer);
  expect(models.data[0]).toMatchObject({ id: 'vectors', chats: false, embeds: true, ranks: false });
});

test('the openai client, which asks for base64 by itself, gets numbers', async () => {
  const { Agent } = await import('undici');
  const dispatcher = new Agent({ connect: { socketPath: host.socketPath } });
  const { fetch } = await import('undici');
  const client = new OpenAI({
    apiKey: 'none',
    baseURL: 'http://localhost/v1',
    fetch: ((url: string, init: object) => fetch(url, { ...init, dispatcher })) as unknown as typeof globalThis.fetch,
  });
  const { data } = await client.embeddings.create({ model: 'vectors', input: ['cat', 'dog'] });
  expect(data.map(({ embedding }) => embedding.length)).toEqual([64, 64]);
  await dispatcher.close();
});

test('a chat model makes vectors too', async () => {
  const nano = await startHost();
  const answer = await ask({ model: 'nano', input: 'Hello' }, nano);
  expect(answer.status).toBe(200);
  const [{ embedding }] = json(answer).data;
  expect(dot(embedding, embedding)).toBeCloseTo(1, 6);
  await nano.stop();
});
