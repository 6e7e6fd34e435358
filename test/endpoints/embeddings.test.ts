import { createOpenAI } from '@ai-sdk/openai';
import { OpenAIEmbeddings } from '@langchain/openai';
import { embedMany } from 'ai';
import OpenAI, { NotFoundError } from 'openai';
import OpenAI4 from 'openai4';
import OpenAI5 from 'openai5';
import OpenAI6 from 'openai6';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AnyUpstream, type SeenRequest, sendJson } from '../support/any-upstream.ts';
import { post } from '../support/chat-client.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

const DIMENSIONS = 4;

/** A vector that tells its text, its numbers exact as 32-bit floats. */
const vectorOf = (input: unknown): number[] => {
  const text = Array.isArray(input) ? input.join(',') : String(input);
  return [text.length, text.charCodeAt(0) / 2, 0.1, -1].map(Math.fround);
};
const toBase64 = (vector: number[]) => Buffer.from(new Float32Array(vector).buffer).toString('base64');

/** As OpenAI answers: in the encoding that was asked for; the data in another order than asked. */
const good = (request: SeenRequest) => {
  const { input, encoding_format, model } = request.json;
  const inputs = Array.isArray(input) && typeof input[0] !== 'number' ? input : [input];
  const data = inputs.map((each, index) => {
    const vector = vectorOf(each);
    return { object: 'embedding', index, embedding: encoding_format === 'base64' ? toBase64(vector) : vector };
  });
  const tokens = inputs.length * 7;
  sendJson(request, {
    object: 'list',
    data: data.reverse(),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
};
const onlyFloats = (request: SeenRequest) => {
  good({ ...request, json: { ...request.json, encoding_format: 'float' } });
};

let upstream: AnyUpstream;
let second: AnyUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await AnyUpstream.start(good);
  second = await AnyUpstream.start(good);
  gateway = await startGateway({
    routes: {
      version: 1,
      upstreams: {
        openai: { kind: 'openai', url: upstream.url, apiKey: 'sk-upstream' },
        runtime: { kind: 'ollama', url: upstream.url },
        backup: { kind: 'openai-compatible', url: second.url },
      },
      tiers: [{ name: 'small', models: [{ upstream: 'runtime', model: 'chat-1' }] }],
      models: [
        { upstream: 'openai', model: 'text-embedding-3-small', price: { input: 0.02 } },
        { upstream: 'runtime', model: 'nomic' },
        {
          name: 'kept',
          upstream: 'openai',
          model: 'text-embedding-3-small',
          price: { input: 0.02 },
          cache: { ttl: '1h' },
        },
        { name: 'refusing', upstream: 'openai', model: 'c' },
        { name: 'refusing', upstream: 'backup', model: 'b' },
        { name: 'twice', upstream: 'openai', model: 'a', price: { input: 0.02 } },
        { name: 'twice', upstream: 'backup', model: 'b', price: { input: 0.04 } },
      ],
      routes: [{ name: 'default', match: { model: 'auto' }, tier: 'small' }],
      teams: { bounded: { limits: { requestsPerMinute: 1 }, routes: ['default'] } },
    },
    keys: [
      { secret: 'sk-a', caller: { keyId: 'key_a', team: 'default' } },
      { secret: 'sk-b', caller: { keyId: 'key_b', team: 'other' } },
      { secret: 'sk-c', caller: { keyId: 'key_c', team: 'bounded' } },
    ],
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  await second.close();
});
beforeEach(() => {
  upstream.handler = good;
  second.handler = good;
  upstream.seen.length = 0;
  second.seen.length = 0;
});

const ask = (body: unknown, key = 'sk-a', headers: Record<string, string> = {}) =>
  post(gateway.url, body, { authorization: `Bearer ${key}`, ...headers }, '/v1/embeddings');

type Answer = { data: { index: number; embedding: unknown }[]; model: string; usage: { prompt_tokens: number } };
const read = ({ text }: { text: string }) => JSON.parse(text) as Answer;
const lastEntry = async () => (await gateway.entries()).at(-1)!;

describe('official clients get the vectors that the upstream made, whatever encoding either side prefers', () => {
  const baseURL = () => `${gateway.url}/v1`;
  for (const [name, Client] of [
    ['openai 4', OpenAI4],
    ['openai 5', OpenAI5],
    ['openai 6', OpenAI6],
    ['openai 7', OpenAI],
  ] as const) {
    test.each([
      ['an upstream that knows base64', good],
      ['one that sends floats all the same', onlyFloats],
    ])(`${name}, %s`, async (_, handler) => {
      upstream.handler = handler;
      const client = new Client({ baseURL: baseURL(), apiKey: 'sk-a', maxRetries: 0 });
      const { data, usage } = await client.embeddings.create({
        model: 'text-embedding-3-small',
        input: ['one', 'three'],
      });
      expect(upstream.last.json['encoding_format']).toBe('base64');
      expect(data.map(({ embedding }) => [...embedding])).toEqual([vectorOf('one'), vectorOf('three')]);
      expect(usage.prompt_tokens).toBe(14);
    });
  }

  test('LangChain and the AI SDK', async () => {
    const langchain = new OpenAIEmbeddings({
      model: 'text-embedding-3-small',
      apiKey: 'sk-a',
      configuration: { baseURL: baseURL() },
    });
    expect(await langchain.embedDocuments(['one', 'three'])).toEqual([vectorOf('one'), vectorOf('three')]);
    const model = createOpenAI({ baseURL: baseURL(), apiKey: 'sk-a' }).textEmbeddingModel('text-embedding-3-small');
    expect((await embedMany({ model, values: ['one', 'three'] })).embeddings).toEqual([
      vectorOf('one'),
      vectorOf('three'),
    ]);
  });

  test('a float answer to float, base64 of little-endian 32-bit floats to base64', async () => {
    expect(read(await ask({ model: 'nomic', input: 'one' })).data[0]?.embedding).toEqual(vectorOf('one'));
    const { data } = read(await ask({ model: 'nomic', input: 'one', encoding_format: 'base64' }));
    expect(data[0]?.embedding).toBe(toBase64(vectorOf('one')));
  });
});

describe('what the upstream is sent', () => {
  test('is what the client wrote, with the model’s name there and the upstream’s key', async () => {
    await ask({ model: 'text-embedding-3-small', input: 'one', user: 'u', extra: { a: 1 } });
    expect(upstream.last).toMatchObject({ method: 'POST', path: '/v1/embeddings' });
    expect(upstream.last.headers.authorization).toBe('Bearer sk-upstream');
    expect(upstream.last.json).toEqual({ model: 'text-embedding-3-small', input: 'one', user: 'u', extra: { a: 1 } });
  });

  test('token ids go to OpenAI as they are, and to others as the text they stand for', async () => {
    // "tiktoken is great!" in cl100k_base (https://github.com/openai/tiktoken, README).
    const ids = [83, 1609, 5963, 374, 2294, 0];
    await ask({ model: 'text-embedding-3-small', input: ids });
    expect(upstream.last.json['input']).toEqual(ids);
    await ask({ model: 'nomic', input: ids });
    expect(upstream.last.json['input']).toEqual(['tiktoken is great!']);
    const { data } = read(await ask({ model: 'nomic', input: [ids, ids.slice(0, 1)] }));
    expect(upstream.last.json['input']).toEqual(['tiktoken is great!', 't']);
    expect(data[0]?.embedding).toEqual(vectorOf('tiktoken is great!'));
    expect((await ask({ model: 'nomic', input: [200_000] })).status).toBe(400);
  });

  test('a local runtime that passes over `dimensions` has its vectors cut to length 1; others decide themselves', async () => {
    const { data } = read(await ask({ model: 'nomic', input: 'one', dimensions: 2 }));
    const vector = data[0]?.embedding as number[];
    expect(vector).toHaveLength(2);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
    const whole = read(await ask({ model: 'text-embedding-3-small', input: 'one', dimensions: 2 }));
    expect(whole.data[0]?.embedding).toHaveLength(DIMENSIONS);
    expect(upstream.last.json['dimensions']).toBe(2);
  });
});

describe('a wrong request is refused by name and reaches no upstream', () => {
  test.each<[string, unknown, string]>([
    ['no input', undefined, 'input'],
    ['an empty text', '', 'input'],
    ['an empty list', [], 'input'],
    ['an empty element', ['a', ''], 'input[1]'],
    ['a mixture', ['a', [1]], 'input[1]'],
    ['a number that is no id', [1.5], 'input[0]'],
    ['an object', { a: 1 }, 'input'],
    ['2049 elements', Array.from({ length: 2049 }, () => 'a'), 'input'],
  ])('%s', async (_, input, param) => {
    const reply = await ask({ model: 'nomic', input });
    expect(reply.status).toBe(400);
    expect(JSON.parse(reply.text)).toMatchObject({ error: { code: 'invalid_value', param } });
    expect(upstream.seen).toHaveLength(0);
    expect(await lastEntry()).toMatchObject({ endpoint: '/v1/embeddings', outcome: 'refused', status: 400 });
  });

  test('dimensions of nothing, an encoding that is none, a model that nobody has, a key that is wrong', async () => {
    expect((await ask({ model: 'nomic', input: 'a', dimensions: 0 })).status).toBe(400);
    expect((await ask({ model: 'nomic', input: 'a', encoding_format: 'int8' })).status).toBe(400);
    expect((await ask({ model: 'nomic', input: 'a' }, 'sk-nobody')).status).toBe(401);
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'sk-a', maxRetries: 0 });
    await expect(client.embeddings.create({ model: 'auto', input: 'a' })).rejects.toThrow(NotFoundError);
    expect(upstream.seen).toHaveLength(0);
  });

  test('limits of the team hold, and models of the tiers are not for teams that are bound to routes', async () => {
    expect((await ask({ model: 'chat-1', input: 'a' }, 'sk-c')).status).toBe(403);
    expect((await ask({ model: 'nomic', input: 'a' }, 'sk-c')).status).toBe(200);
    expect((await ask({ model: 'nomic', input: 'a' }, 'sk-c')).status).toBe(429);
  });
});

test('the ledger has one entry, priced by input tokens, and the answer says what it cost', async () => {
  const reply = await ask({ model: 'text-embedding-3-small', input: ['a', 'b'] });
  expect(await lastEntry()).toMatchObject({
    endpoint: '/v1/embeddings',
    requestedModel: 'text-embedding-3-small',
    tier: 'direct',
    upstream: 'openai',
    tokens: { promptTokens: 14, completionTokens: 0, isEstimated: false },
    costNanoUsd: 280,
    outcome: 'ok',
  });
  expect(reply.headers).toMatchObject({ 'x-rightsize-cost-usd': '0.00000028', 'x-rightsize-upstream': 'openai' });
});

describe('with a cache', () => {
  test('each input is asked for once; order, usage and encoding stay right', async () => {
    await ask({ model: 'kept', input: ['alpha', 'omega'] });
    const mixed = read(await ask({ model: 'kept', input: ['omega', 'gamma', 'alpha'] }));
    expect(upstream.last.json['input']).toEqual(['gamma']);
    expect(mixed.data.map(({ index, embedding }) => [index, embedding])).toEqual(
      ['omega', 'gamma', 'alpha'].map((text, index) => [index, vectorOf(text)]),
    );
    expect(mixed.usage.prompt_tokens).toBe(21);

    const asked = upstream.seen.length;
    const hit = await ask({ model: 'kept', input: ['gamma', 'alpha'], encoding_format: 'base64' });
    expect(read(hit).data.map(({ embedding }) => embedding)).toEqual([
      toBase64(vectorOf('gamma')),
      toBase64(vectorOf('alpha')),
    ]);
    expect(upstream.seen).toHaveLength(asked);
    expect(hit.headers).toMatchObject({ 'x-rightsize-cache': 'hit', 'x-rightsize-cost-usd': '0.0' });
    expect(await lastEntry()).toMatchObject({ cache: 'hit', costNanoUsd: 0, savedNanoUsd: 280, attempts: [] });
  });

  test('another team, other dimensions and no-cache are asked anew; only-if-cached asks nobody', async () => {
    await ask({ model: 'kept', input: 'delta' });
    for (const send of [
      () => ask({ model: 'kept', input: 'delta' }, 'sk-b'),
      () => ask({ model: 'kept', input: 'delta', dimensions: 3 }),
      () => ask({ model: 'kept', input: 'delta' }, 'sk-a', { 'cache-control': 'no-cache' }),
      () => ask({ model: 'text-embedding-3-small', input: 'delta' }),
    ]) {
      const before = upstream.seen.length;
      expect((await send()).status).toBe(200);
      expect(upstream.seen.length).toBe(before + 1);
    }
    expect((await ask({ model: 'kept', input: 'epsilon' }, 'sk-a', { 'cache-control': 'only-if-cached' })).status).toBe(
      504,
    );
    expect((await ask({ model: 'kept', input: 'delta' }, 'sk-a', { 'cache-control': 'only-if-cached' })).status).toBe(
      200,
    );
  });
});

describe('when a deployment fails', () => {
  test.each<[string, (request: SeenRequest) => void]>([
    ['with 500', (request) => sendJson(request, { error: { message: 'broken' } }, 500)],
    ['with 429', (request) => sendJson(request, { error: { message: 'slow down' } }, 429)],
    ['by closing the connection', ({ response }) => response.destroy()],
    ['with HTML', ({ response }) => response.end('<html>')],
    ['with too few vectors', (request) => sendJson(request, { data: [{ index: 0, embedding: [1] }] })],
    [
      'with base64 of the wrong length',
      (request) => sendJson(request, { data: [0, 1].map((index) => ({ index, embedding: 'AAAA' })) }),
    ],
    ['by not having the endpoint', ({ response }) => response.writeHead(404).end('nope')],
  ])('%s, the next of the same name answers, and no other model', async (_, handler) => {
    upstream.handler = handler;
    const reply = await ask({ model: 'twice', input: ['a', 'b'] });
    expect(reply.status).toBe(200);
    expect(second.last.json['model']).toBe('b');
    expect(await lastEntry()).toMatchObject({ upstream: 'backup', outcome: 'ok', costNanoUsd: 560 });
    const failed = await ask({ model: 'text-embedding-3-small', input: ['a', 'b'] });
    expect(failed.status).toBeGreaterThanOrEqual(400);
    expect(JSON.parse(failed.text)).toHaveProperty('error.code');
  });

  test('what the upstream blames on the request is relayed word for word', async () => {
    const body = {
      error: { message: 'too many dimensions', type: 'invalid_request_error', param: 'dimensions', code: null },
    };
    upstream.handler = (request) => sendJson(request, body, 400);
    const reply = await ask({ model: 'refusing', input: 'a' });
    expect([reply.status, JSON.parse(reply.text)]).toEqual([400, body]);
    expect(second.seen).toHaveLength(0);
  });
});
