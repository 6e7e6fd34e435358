import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { AnyUpstream, type SeenRequest, sendJson } from '../support/any-upstream.ts';
import { post, type RawReply } from '../support/chat-client.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const USAGE = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 };
const COMMON = { id: 'cmpl-1', object: 'text_completion', created: 1_700_000_000, model: 'x' };
const choice = (text: string, finish_reason: string | null = null) => ({
  index: 0,
  text,
  logprobs: null,
  finish_reason,
});
const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;

const good = (request: SeenRequest) => {
  const { response, json } = request;
  if (json['stream'] !== true)
    return sendJson(request, { ...COMMON, choices: [choice('return 1;', 'stop')], usage: USAGE });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(event({ ...COMMON, choices: [choice('return ')] }));
  response.write(event({ ...COMMON, choices: [choice('1;', 'stop')] }));
  response.end(`${event({ ...COMMON, choices: [], usage: USAGE })}data: [DONE]\n\n`);
};

let first: AnyUpstream;
let second: AnyUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  first = await AnyUpstream.start(good);
  second = await AnyUpstream.start(good);
  const price = { input: 1, output: 2 };
  gateway = await startGateway({
    routes: {
      version: 1,
      upstreams: {
        first: { kind: 'llama-server', url: first.url },
        second: { kind: 'openai', url: second.url, apiKey: 'sk-up' },
      },
      tiers: [
        { name: 'small', models: [{ upstream: 'first', model: 'coder', price }] },
        { name: 'large', models: [{ upstream: 'second', model: 'large-1', price }] },
      ],
      models: [
        { name: 'complete', upstream: 'first', model: 'coder', price },
        { name: 'complete', upstream: 'second', model: 'gpt-instruct', price },
        { name: 'ranker', upstream: 'second', model: 'rerank-1', price },
      ],
      routes: [{ name: 'default', match: { model: 'auto' }, tier: 'small' }],
    },
  });
});
afterAll(async () => {
  await gateway.close();
  await first.close();
  await second.close();
});
beforeEach(() => {
  first.handler = good;
  second.handler = good;
  first.seen.length = 0;
  second.seen.length = 0;
});

const ask = (body: object) => post(gateway.url, { prompt: 'def one():', ...body }, {}, '/v1/completions');
const lastEntry = async () => (await gateway.entries()).at(-1)!;
const textOf = ({ events }: RawReply) =>
  events
    .filter((data) => data !== '[DONE]')
    .flatMap((data) => (JSON.parse(data) as { choices: { text: string }[] }).choices)
    .map(({ text }) => text)
    .join('');

test('a plain completion passes as it is, with one ledger entry at its price', async () => {
  const reply = await ask({ model: 'small', echo: true, logprobs: 2, best_of: 2, suffix: '}' });
  expect(JSON.parse(reply.text)).toEqual({ ...COMMON, choices: [choice('return 1;', 'stop')], usage: USAGE });
  expect(first.last.json).toEqual({
    model: 'coder',
    prompt: 'def one():',
    echo: true,
    logprobs: 2,
    best_of: 2,
    suffix: '}',
  });
  expect(first.last.path).toBe('/v1/completions');
  expect(await lastEntry()).toMatchObject({
    endpoint: '/v1/completions',
    tier: 'small',
    upstream: 'first',
    costNanoUsd: 11_000,
    tokens: { promptTokens: 5, completionTokens: 3 },
  });
});

test('a stream passes as it is; usage is always asked for and shown where the client wants it', async () => {
  for (const include_usage of [true, false]) {
    const reply = await ask({ model: 'coder', stream: true, stream_options: { include_usage } });
    expect(first.last.json['stream_options']).toEqual({ include_usage: true });
    expect(textOf(reply)).toBe('return 1;');
    expect(reply.events.some((data) => data.includes('"usage"'))).toBe(include_usage);
    expect(reply.text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(reply.comments[0]).toBe('x-rightsize-cost-usd: 0.000011');
    expect(await lastEntry()).toMatchObject({ isStream: true, costNanoUsd: 11_000, outcome: 'ok' });
  }
});

test('the official client reads both, and token ids become text for who has another tokenizer', async () => {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'x', maxRetries: 0 });
  const prompt = [83, 1609, 5963];
  expect((await client.completions.create({ model: 'coder', prompt })).choices[0]?.text).toBe('return 1;');
  expect(first.last.json['prompt']).toBe('tiktoken');
  await client.completions.create({ model: 'large-1', prompt: [prompt, prompt] });
  expect(second.last.json['prompt']).toEqual([prompt, prompt]);
  let text = '';
  for await (const part of await client.completions.create({ model: 'coder', prompt: 'x', stream: true })) {
    text += part.choices[0]?.text;
  }
  expect(text).toBe('return 1;');
});

test('before the first content another deployment of the same name answers; a tier is never escalated', async () => {
  first.handler = (request) => sendJson(request, { error: { message: 'broken' } }, 500);
  expect(textOf(await ask({ model: 'complete', stream: true }))).toBe('return 1;');
  expect(second.last.json['model']).toBe('gpt-instruct');
  const asked = second.seen.length;
  const refused = await ask({ model: 'small' });
  expect([refused.status, JSON.parse(refused.text).error.code]).toEqual([502, 'upstream_error']);
  expect(second.seen).toHaveLength(asked);
});

test('after it, a broken stream ends with an error event and no [DONE], and what came is billed', async () => {
  second.handler = ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event({ ...COMMON, choices: [choice('return ')] }), () => response.destroy());
  };
  const reply = await ask({ model: 'large-1', stream: true });
  expect(reply.status).toBe(200);
  expect(JSON.parse(reply.events.at(-1)!)).toMatchObject({ error: { code: 'upstream_interrupted' } });
  expect(reply.text).not.toContain('[DONE]');
  const entry = await lastEntry();
  expect(entry).toMatchObject({ outcome: 'error', errorCode: 'upstream_interrupted', tokens: { isEstimated: true } });
  expect(entry.tokens.completionTokens).toBeGreaterThan(0);
});

test('a client that leaves ends the call upstream, and the entry says so', async () => {
  second.handler = ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event({ ...COMMON, choices: [choice('return ')] }));
  };
  const before = (await gateway.entries()).length;
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'x', maxRetries: 0 });
  for await (const _ of await client.completions.create({ model: 'large-1', prompt: 'x', stream: true })) break;
  await until(() => second.last.isClosed, 5_000, 'the end of the call');
  expect((await gateway.untilEntries(before + 1)).at(-1)).toMatchObject({
    outcome: 'aborted',
    errorCode: 'client_closed_request',
  });
});

test.each<[object, string]>([
  [{ model: 'coder', prompt: {} }, 'prompt'],
  [{ model: 'coder', n: 0 }, 'n'],
  [{ model: 'nobody' }, 'model'],
  [{ prompt: 'x' }, 'model'],
])('a wrong request is refused by name: %j', async (body, param) => {
  const reply = await ask(body);
  expect(reply.status).toBeGreaterThanOrEqual(400);
  expect(JSON.parse(reply.text)).toMatchObject({ error: { param } });
});

test('a reranking passes as it is, to the model that was named', async () => {
  const answer = { results: [{ index: 1, relevance_score: 0.9 }], usage: { prompt_tokens: 9, total_tokens: 9 } };
  second.handler = (request) => sendJson(request, answer);
  const body = { model: 'ranker', query: 'q', documents: ['a', { text: 'b' }], top_n: 1 };
  const reply = await post(gateway.url, body, {}, '/v1/rerank');
  expect(JSON.parse(reply.text)).toEqual(answer);
  expect(second.last).toMatchObject({ path: '/v1/rerank', json: { ...body, model: 'rerank-1' } });
  expect(await lastEntry()).toMatchObject({ endpoint: '/v1/rerank', costNanoUsd: 9_000, tokens: { promptTokens: 9 } });
});
