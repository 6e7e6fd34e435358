import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

/** The model in the box, by the real engine: it knows no answer, but every answer has the form that was asked for. */
let gateway: TestGateway;
let client: OpenAI;

beforeAll(async () => {
  gateway = await startGateway({
    routes: {
      version: 1,
      upstreams: {
        local: { kind: 'llama', model: 'builtin:nano', gpu: 'off', threads: 1, contextTokens: 1024, parallel: 2 },
      },
      tiers: [{ name: 'small', models: [{ upstream: 'local' }] }],
      routes: [{ name: 'default', match: { model: 'auto' }, tier: 'small' }],
    },
  });
  const local = gateway.app.runtime().upstreams.get('local')!;
  await until(() => local.state().state === 'ready', 30_000, 'the engine');
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'x', maxRetries: 0, timeout: 20_000 });
});
afterAll(() => gateway.close());

const format = {
  type: 'json_schema' as const,
  name: 'verdict',
  strict: true,
  schema: {
    type: 'object',
    properties: { ok: { type: 'boolean' }, size: { enum: ['small', 'large'] } },
    required: ['ok', 'size'],
    additionalProperties: false,
  },
};

test('answers by a schema, plain and streamed, and goes on from the answer', async () => {
  const plain = await client.responses.create({ model: 'auto', input: 'Judge.', text: { format }, temperature: 0 });
  const verdict = { ok: expect.any(Boolean), size: expect.stringMatching(/^(small|large)$/) };
  expect(JSON.parse(plain.output_text)).toEqual(verdict);
  expect(plain).toMatchObject({ status: 'completed', model: 'rightsize-nano' });
  expect(plain.usage!.output_tokens).toBeGreaterThan(3);

  const streamed = await client.responses
    .stream({ model: 'auto', input: 'Again.', previous_response_id: plain.id, text: { format }, temperature: 0 })
    .finalResponse();
  expect(JSON.parse(streamed.output_text)).toEqual(verdict);
  expect(streamed.usage!.input_tokens).toBeGreaterThan(plain.usage!.input_tokens);
});

test('says that an answer was cut off, and where', async () => {
  const cut = await client.responses.create({ model: 'auto', input: 'Tell a long story.', max_output_tokens: 4 });
  expect(cut).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    usage: { output_tokens: 4 },
  });
  const entry = await until(async () => (await gateway.entries()).at(-1), 5_000, 'the entry');
  expect(entry).toMatchObject({ endpoint: '/v1/responses', outcome: 'ok', tokens: { completionTokens: 4 } });
});

test('tells the probabilities of its words', async () => {
  const { output } = await client.responses.create({
    model: 'auto',
    input: 'Hello.',
    max_output_tokens: 3,
    top_logprobs: 2,
    include: ['message.output_text.logprobs'],
  });
  const [message] = output;
  if (message?.type !== 'message' || message.content[0]?.type !== 'output_text') throw new Error('no text');
  expect(message.content[0].logprobs!.length).toBeGreaterThan(0);
  expect(message.content[0].logprobs![0]!.top_logprobs).toHaveLength(2);
});
