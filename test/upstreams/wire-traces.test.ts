import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { post, readAnswer } from '../support/chat-client.ts';
import { FaultyUpstream } from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

/** One answer of each cloud, plain and streamed, and where its shape is from; `golden/` has what the gateway made of it. */
const FIXTURES = join(import.meta.dirname, '../fixtures/wire');
const namesIn = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -'.json'.length)] : []));
const kinds = namesIn(FIXTURES);
const thinking = namesIn(join(FIXTURES, 'reasoning'));
const recordedOf = (kind: string): { plain: object; stream: string[] } =>
  JSON.parse(readFileSync(join(FIXTURES, `${kind}.json`), 'utf8'));

const ASKED = {
  messages: [
    { role: 'developer', content: 'Be brief.' },
    { role: 'user', content: 'What is the weather in Köln?' },
  ],
  tools: [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: {} } } }],
  max_tokens: 50,
  seed: 7,
};

let upstream: FaultyUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  upstream = await FaultyUpstream.start((call) => {
    const { plain, stream } = recordedOf(call.body['tools'] ? call.body.model : `reasoning/${call.body.model}`);
    if (!call.isStream) return call.json(plain);
    call.open();
    call.response.end(stream.map((line) => `${line}\n\n`).join(''));
  });
  const upstreams = kinds.map((kind) => [kind, { kind, url: upstream.url, apiKey: 'sk-test', apis: ['chat'] }]);
  gateway = await startGateway({
    routes: {
      version: 1,
      upstreams: Object.fromEntries(upstreams),
      tiers: kinds.map((kind) => ({ name: `tier-${kind}`, models: [{ upstream: kind, model: kind }] })),
      routes: [{ name: 'default', match: { model: 'auto' }, tier: `tier-${kinds[0]}` }],
    },
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

test.each(kinds)('%s: the stream folded together is the plain answer, for the strictest client', async (kind) => {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 });
  const asked = { ...ASKED, model: kind } as OpenAI.ChatCompletionCreateParamsNonStreaming;
  const plain = (await client.chat.completions.create(asked)).choices[0]!;
  const folded = (await client.chat.completions.stream(asked as never).finalChatCompletion()).choices[0]!;
  const essence = ({ message, finish_reason }: Pick<OpenAI.ChatCompletion.Choice, 'message' | 'finish_reason'>) => ({
    finish_reason,
    content: message.content || null,
    calls: message.tool_calls?.map(
      (call) => call.type === 'function' && [call.id, call.function.name, call.function.arguments],
    ),
  });
  expect(essence(folded)).toEqual(essence(plain));
  expect(essence(plain)).toMatchObject({
    finish_reason: 'tool_calls',
    calls: [[expect.any(String), 'get_weather', '{"city":"Köln","days":3}']],
  });
});

test.each(thinking)('%s: reasoning and text of the stream are those of the plain answer', async (model) => {
  const { tools: _, ...asked } = ASKED;
  const plain = JSON.parse((await post(gateway.url, { ...asked, model })).text);
  const { chunks } = readAnswer(await post(gateway.url, { ...asked, model, stream: true }));
  const said = (deltas: Record<string, unknown>[]) => ({
    reasoning: deltas.map((delta) => delta['reasoning_content'] ?? delta['reasoning'] ?? '').join(''),
    text: deltas.map(({ content }) => content ?? '').join(''),
  });
  const folded = said(chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta)));
  expect(folded).toEqual(said([plain.choices[0].message]));
  expect(folded).toEqual({ reasoning: 'Two and two make four.', text: 'It is 4.' });
});

const traced = [
  ...kinds.map((kind) => ({ trace: kind, kind, asked: ASKED })),
  ...thinking.map((kind) => {
    const messages = [
      ...ASKED.messages,
      { role: 'assistant', content: '12 °C.', reasoning_content: 'It is cold.' },
      { role: 'user', content: 'And 2 + 2?' },
    ];
    return { trace: `reasoning/${kind}`, kind, asked: { messages, max_tokens: 50, seed: 7, user: 'ada' } };
  }),
];

test.each(traced)('$trace: what is sent and what comes back are as they were', async ({ trace: name, kind, asked }) => {
  upstream.forget();
  const plain = await post(gateway.url, { ...asked, model: kind });
  const options = { stream: true, stream_options: { include_usage: true } };
  const stream = await post(gateway.url, { ...asked, model: kind, ...options });
  const trace = {
    sent: upstream.calls.map(({ path, headers, body }) => ({
      path,
      headers: Object.keys(headers).filter((name) => /key|authorization|version/.test(name)),
      body,
    })),
    plain: JSON.parse(plain.text),
    stream: readAnswer(stream).chunks,
  };
  expect(readAnswer(stream)).toMatchObject({ isDone: true, errors: [], usage: [expect.anything()] });
  await expect(`${JSON.stringify(trace, null, 2)}\n`).toMatchFileSnapshot(
    join(FIXTURES, name.replace(/[^/]+$/, 'golden/$&.json')),
  );
});
