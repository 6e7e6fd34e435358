import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { chat, post, readAnswer } from '../support/chat-client.ts';
import { ANSWER, FaultyUpstream } from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

let upstream: FaultyUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  gateway = await startGateway({ routes: twoTierRoutes({ small: upstream.url, large: upstream.url }) });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
beforeEach(() => upstream.forget());

const FLAT = {
  type: 'function',
  name: 'read_file',
  description: 'Reads.',
  parameters: { type: 'object' },
  strict: false,
};
const NESTED = {
  type: 'function',
  function: { name: 'read_file', description: 'Reads.', parameters: { type: 'object' }, strict: false },
};

test('flat tools and a flat choice are nested as chat has them; the rest stays byte for byte', async () => {
  const body = `{"model":"auto","messages":[{"role":"user","content":"hi"}],"tools":${JSON.stringify([FLAT, NESTED])},"tool_choice":{"type":"function","name":"read_file"},"seed":9007199254740993}`;
  expect((await post(gateway.url, body)).status).toBe(200);
  expect(upstream.last.body).toMatchObject({
    tools: [NESTED, NESTED],
    tool_choice: { type: 'function', function: { name: 'read_file' } },
  });
  expect(upstream.last.bytes.toString()).toContain('9007199254740993');
});

test('an assistant turn with tool calls and an empty list has no content; arguments that are an object become text', async () => {
  const call = { id: 'c', type: 'function', function: { name: 'f', arguments: { a: 1 } } };
  const messages = [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: [], tool_calls: [call] },
    { role: 'tool', tool_call_id: 'c', content: 'ok' },
  ];
  expect((await chat(gateway.url, { messages })).status).toBe(200);
  expect(upstream.last.body.messages).toEqual([
    messages[0],
    { role: 'assistant', content: null, tool_calls: [{ ...call, function: { name: 'f', arguments: '{"a":1}' } }] },
    messages[2],
  ]);
});

test('a body of the Responses API at the path of chat is answered as chat', async () => {
  const body = {
    model: 'auto',
    instructions: 'Be brief.',
    input: [{ role: 'user', content: [{ type: 'input_text', text: 'What is 2+2?' }] }],
    tools: [FLAT],
    max_output_tokens: 9,
  };
  const plain = await post(gateway.url, body);
  expect(JSON.parse(plain.text)).toMatchObject({
    object: 'chat.completion',
    choices: [{ message: { content: ANSWER } }],
  });
  expect(upstream.last.body).toMatchObject({
    max_tokens: 9,
    tools: [{ type: 'function', function: { name: 'read_file' } }],
  });
  expect(upstream.last.body.messages[0]).toEqual({ role: 'system', content: 'Be brief.' });
  const streamed = readAnswer(await post(gateway.url, { ...body, stream: true }));
  expect([streamed.text, streamed.isDone]).toEqual([ANSWER, true]);
});

test('what only the Responses API has is refused by name there', async () => {
  const reply = await post(gateway.url, { model: 'auto', input: 'hi', tools: [{ type: 'web_search' }] });
  expect([reply.status, JSON.parse(reply.text)]).toMatchObject([400, { error: { code: 'unsupported_parameter' } }]);
  expect(upstream.calls).toHaveLength(0);
});
