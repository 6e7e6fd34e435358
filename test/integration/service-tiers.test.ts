import { afterAll, beforeAll, expect, test } from 'vitest';
import { AnyUpstream, type SeenRequest, sendJson } from '../support/any-upstream.ts';
import { post } from '../support/chat-client.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

let upstream: AnyUpstream;
let gateway: TestGateway;

const MESSAGES = [{ role: 'user', content: 'hi' }];
const USAGE = { input_tokens: 100, output_tokens: 10, total_tokens: 110 };
const OLD_USAGE = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 };
const TEXT = { type: 'output_text', text: 'ho', annotations: [] };

/** By path, an answer of the service tier that the request asks for, as the provider of that format says it. */
const ANSWERS: Record<string, (tier: string) => object> = {
  '/v1/chat/completions': (service_tier) => ({
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: 'ho' }, finish_reason: 'stop' }],
    usage: OLD_USAGE,
    service_tier,
  }),
  '/v1/completions': (service_tier) => ({
    id: 'c',
    object: 'text_completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, text: 'ho', finish_reason: 'stop' }],
    usage: OLD_USAGE,
    service_tier,
  }),
  '/v1/responses': (service_tier) => ({
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    model: 'm',
    status: 'completed',
    output: [{ type: 'message', id: 'msg', role: 'assistant', content: [TEXT] }],
    usage: USAGE,
    service_tier,
  }),
  '/v1/messages': (service_tier) => ({
    id: 'msg',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [{ type: 'text', text: 'ho' }],
    stop_reason: 'end_turn',
    usage: { ...USAGE, service_tier },
  }),
  '/v1/images/generations': (service_tier) => ({ created: 1, data: [], usage: USAGE, service_tier }),
};

beforeAll(async () => {
  upstream = await AnyUpstream.start((request: SeenRequest) =>
    sendJson(request, ANSWERS[request.path]?.(String(request.json['service_tier']))),
  );
  const price = { input: 2, output: 8, serviceTiers: { priority: { input: 4, output: 16 } } };
  gateway = await startGateway({
    routes: {
      version: 1,
      upstreams: {
        full: { kind: 'openai-compatible', url: upstream.url, apis: ['chat', 'responses', 'messages'] },
      },
      tiers: [{ name: 'only', models: [{ upstream: 'full', model: 'm', price }] }],
      models: [{ name: 'painter', upstream: 'full', model: 'm', price }],
      routes: [{ name: 'default', tier: 'only' }],
    },
    keys: [{ secret: 'sk-a', caller: { keyId: 'key_a', team: 'default', tags: { project: 'apollo' } } }],
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

test.each([
  ['openrouter', 0.00012345, 123_450],
  ['openrouter', -1, null],
  ['openai-compatible', 0.00012345, null],
])('what %s says it has charged (%s USD) is the cost where there is no price: %s', async (kind, cost, expected) => {
  const answer = ANSWERS['/v1/chat/completions']?.('default');
  const provider = await AnyUpstream.start((request: SeenRequest) =>
    sendJson(request, { ...answer, usage: { ...OLD_USAGE, cost } }),
  );
  const routed = await startGateway({
    routes: {
      version: 1,
      upstreams: { up: { kind, url: provider.url, apiKey: 'sk-or' } },
      tiers: [{ name: 'only', models: [{ upstream: 'up', model: 'm' }] }],
      routes: [{ name: 'default', tier: 'only' }],
    },
  });
  await post(routed.url, { model: 'm', messages: MESSAGES });
  expect((await routed.entries())[0]).toMatchObject({ costNanoUsd: expected, attempts: [{ costNanoUsd: expected }] });
  await routed.close();
  await provider.close();
});

const PATHS = Object.keys(ANSWERS);
const TIERS = [
  ['default', 280_000],
  ['priority', 560_000],
  ['flex', null],
] as const;

test.each(PATHS.flatMap((path) => TIERS.map(([tier, cost]) => [path, tier, cost] as const)))(
  '%s in service tier %s costs %s nano-USD: unknown where the price has no rates of that tier, never the plain ones',
  async (path, service_tier, cost) => {
    const model = path.endsWith('generations') ? 'painter' : 'm';
    const prompt = path.endsWith('responses') ? {} : { prompt: 'hi' };
    const body = { model, messages: MESSAGES, input: 'hi', ...prompt, max_tokens: 20, service_tier };
    const reply = await post(
      gateway.url,
      { ...body, metadata: { user_id: 'u' } },
      { authorization: 'Bearer sk-a' },
      path,
    );
    expect(reply.status, reply.text).toBe(200);
    const entry = (await gateway.entries()).at(-1);
    expect(entry).toMatchObject({ endpoint: path, costNanoUsd: cost, tokens: { promptTokens: 100 } });
    // Whatever the endpoint, the key's tags are on its entry.
    expect(entry?.tags).toMatchObject({ project: 'apollo' });
  },
);
