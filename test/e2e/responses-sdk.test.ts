import { createOpenAI } from '@ai-sdk/openai';
import { generateText, Output, stepCountIs, streamText, tool } from 'ai';
import OpenAI, { APIError, NotFoundError } from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import type { ResponseStreamEvent } from 'openai/resources/responses/responses';
import OpenAI5 from 'openai5';
import OpenAI6 from 'openai6';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  ANSWER,
  ANSWER_PIECES,
  type Behaviour,
  behaviours,
  FaultyUpstream,
  good,
  TOOL_ARGUMENTS,
  tools,
  type UpstreamCall,
} from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

let small: FaultyUpstream;
let large: FaultyUpstream;
let gateway: TestGateway;
let client: OpenAI;

beforeAll(async () => {
  [small, large] = await Promise.all([FaultyUpstream.start(), FaultyUpstream.start()]);
  gateway = await startGateway({ routes: twoTierRoutes({ small: small.url, large: large.url }) });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'anything', maxRetries: 0, timeout: 10_000 });
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([small.close(), large.close()]);
});
beforeEach(() => {
  for (const upstream of [small, large]) {
    upstream.always(good);
    upstream.forget();
  }
});

const INPUT = 'What is 2+2?';
const WEATHER = {
  type: 'function' as const,
  name: 'get_weather',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
  strict: true,
};

/** Calls one function, in whichever form is asked for. */
const calling =
  (name: string, text: string): Behaviour =>
  (call: UpstreamCall) => {
    const called = { id: 'call_x', type: 'function', function: { name, arguments: text } };
    if (!call.isStream) return call.json(call.completion({ content: null, tool_calls: [called] }, 'tool_calls'));
    call.open();
    call.event(call.delta({ role: 'assistant', content: null }));
    call.event(call.delta({ tool_calls: [{ index: 0, ...called, function: { name, arguments: '' } }] }));
    for (const piece of text.match(/.{1,7}/gsu) ?? []) {
      call.event(call.delta({ tool_calls: [{ index: 0, function: { arguments: piece } }] }));
    }
    call.finish('tool_calls');
    call.done();
  };

const saying =
  (text: string): Behaviour =>
  (call) => {
    if (!call.isStream) return call.json(call.completion({ content: text }));
    call.open();
    call.role();
    for (const piece of text.match(/.{1,5}/gsu) ?? []) call.say(piece);
    call.finish();
    call.done();
  };

describe('an unchanged openai client', () => {
  test('creates a response: text, settings, usage, and the headers of the gateway', async () => {
    const { data, response } = await client.responses
      .create({ model: 'auto', input: INPUT, instructions: 'Be brief.', metadata: { project: 'x' }, temperature: 0.5 })
      .withResponse();
    expect(data.output_text).toBe(ANSWER);
    const { promptTokens, completionTokens } = small.produced;
    expect(data).toMatchObject({
      object: 'response',
      status: 'completed',
      model: 'small-1',
      instructions: 'Be brief.',
      temperature: 0.5,
      metadata: { project: 'x' },
      usage: {
        input_tokens: promptTokens,
        output_tokens: completionTokens,
        total_tokens: promptTokens + completionTokens,
      },
    });
    expect(data.output).toEqual([
      {
        id: expect.stringMatching(/^msg_/),
        type: 'message',
        status: 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text: ANSWER, annotations: [], logprobs: [] }],
      },
    ]);
    expect(response.headers.get('x-rightsize-tier')).toBe('small');
    expect(small.last.body).toEqual({
      model: 'small-1',
      temperature: 0.5,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: INPUT },
      ],
    });
  });

  test('streams by iteration in the order of the API, numbered from 0, with one id', async () => {
    const stream = await client.responses.create({ model: 'auto', input: INPUT, stream: true });
    const events: ResponseStreamEvent[] = [];
    for await (const event of stream) events.push(event);
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      ...ANSWER_PIECES.map(() => 'response.output_text.delta'),
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
    const [created] = events;
    const completed = events.at(-1)!;
    if (created?.type !== 'response.created' || completed.type !== 'response.completed') throw new Error('wrong ends');
    expect(created.response).toMatchObject({ status: 'in_progress', output: [], usage: null });
    expect(completed.response.id).toBe(created.response.id);
    expect(completed.response.usage?.input_tokens).toBe(small.produced.promptTokens);
    const entries = (await gateway.entries()).filter(({ endpoint }) => endpoint === '/v1/responses').slice(-1);
    expect(entries[0]).toMatchObject({
      isStream: true,
      tokens: { promptTokens: small.produced.promptTokens, completionTokens: small.produced.completionTokens },
    });
  });

  test('streams by the .stream() helper: text, and tool calls whose fragments interleave', async () => {
    const text = await client.responses.stream({ model: 'auto', input: INPUT }).finalResponse();
    expect(text.output_text).toBe(ANSWER);
    small.always(tools);
    large.always(tools);
    const stream = client.responses.stream({ model: 'auto', input: INPUT, tools: [WEATHER] });
    const deltas: string[] = [];
    stream.on('response.function_call_arguments.delta', ({ delta }) => deltas.push(delta));
    const { output } = await stream.finalResponse();
    expect(deltas.join('')).toBe(TOOL_ARGUMENTS + TOOL_ARGUMENTS);
    expect(output).toMatchObject([
      { type: 'function_call', call_id: 'call_a', name: 'get_weather', arguments: TOOL_ARGUMENTS, status: 'completed' },
      { type: 'function_call', call_id: 'call_b', name: 'get_time', arguments: TOOL_ARGUMENTS },
    ]);
  });

  test('parses what it asked for by a schema, plain and streamed', async () => {
    const answer = { city: 'Köln', days: 3 };
    for (const upstream of [small, large]) upstream.always(saying(JSON.stringify(answer)));
    const format = zodTextFormat(z.object({ city: z.string(), days: z.number() }), 'trip');
    const parsed = await client.responses.parse({ model: 'auto', input: INPUT, text: { format } });
    expect(parsed.output_parsed).toEqual(answer);
    const asked = [...small.calls, ...large.calls][0]!.body['response_format'];
    expect(asked).toMatchObject({
      type: 'json_schema',
      json_schema: { name: 'trip', strict: true, schema: { type: 'object' } },
    });
    const streamed = await client.responses.stream({ model: 'auto', input: INPUT, text: { format } }).finalResponse();
    expect(streamed.output_parsed).toEqual(answer);
  });

  test('has a tool called and its result read', async () => {
    for (const upstream of [small, large]) upstream.script(calling('get_weather', '{"city":"Köln"}'));
    const first = await client.responses.create({ model: 'auto', input: INPUT, tools: [WEATHER] });
    const [call] = first.output;
    if (call?.type !== 'function_call') throw new Error('no call');
    const output = { type: 'function_call_output' as const, call_id: call.call_id, output: 'rainy' };
    const second = await client.responses.create({
      model: 'auto',
      tools: [WEATHER],
      input: [{ role: 'user', content: INPUT }, call, output],
    });
    expect(second.output_text).toBe(ANSWER);
    const [last] = [...small.calls, ...large.calls].slice(-1);
    expect(last!.body.messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_x', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Köln"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_x', content: 'rainy' },
    ]);
  });

  test('has a custom tool called with its bare text, plain and streamed', async () => {
    const patch = '*** Begin Patch\n+ "é"\n';
    for (const upstream of [small, large]) upstream.always(calling('apply_patch', JSON.stringify({ input: patch })));
    const custom = {
      type: 'custom' as const,
      name: 'apply_patch',
      description: 'Edits files.',
      format: { type: 'grammar' as const, syntax: 'lark' as const, definition: 'start: "x"' },
    };
    const plain = await client.responses.create({ model: 'auto', input: INPUT, tools: [custom] });
    expect(plain.output).toMatchObject([
      { type: 'custom_tool_call', call_id: 'call_x', name: 'apply_patch', input: patch },
    ]);
    const sent = [...small.calls, ...large.calls][0]!.body['tools'] as { function: { description: string } }[];
    expect(sent[0]!.function.description).toBe('Edits files.\n\nThe input must follow this lark grammar:\nstart: "x"');
    const streamed = await client.responses.stream({ model: 'auto', input: INPUT, tools: [custom] }).finalResponse();
    expect(streamed.output).toMatchObject([{ type: 'custom_tool_call', input: patch }]);
  });

  test('goes on from a response, reads it again, lists its input and deletes it', async () => {
    const first = await client.responses.create({ model: 'auto', input: INPUT, instructions: 'Only for the first.' });
    const second = await client.responses.create({ model: 'auto', input: 'And 3+3?', previous_response_id: first.id });
    expect(second.previous_response_id).toBe(first.id);
    expect(small.last.body.messages).toEqual([
      { role: 'user', content: INPUT },
      { role: 'assistant', content: ANSWER },
      { role: 'user', content: 'And 3+3?' },
    ]);
    const third = await client.responses
      .stream({ model: 'auto', input: 'And 4+4?', previous_response_id: second.id })
      .finalResponse();
    expect(small.last.body.messages).toHaveLength(5);
    expect((await client.responses.retrieve(third.id)).output_text).toBe(ANSWER);

    const items = [1, 2, 3].map((n) => ({ role: 'user' as const, content: `part ${n}` }));
    const listed = await client.responses.create({ model: 'auto', input: items });
    const textsOf = async (query: object) => {
      const texts = [];
      for await (const item of client.responses.inputItems.list(listed.id, query)) {
        texts.push(item.type === 'message' ? JSON.stringify(item.content) : item.type);
      }
      return texts.map((text) => /part \d/.exec(text)?.[0]);
    };
    expect(await textsOf({})).toEqual(['part 3', 'part 2', 'part 1']);
    expect(await textsOf({ order: 'asc', limit: 1 })).toEqual(['part 1', 'part 2', 'part 3']);

    await client.responses.delete(first.id);
    await expect(client.responses.retrieve(first.id)).rejects.toBeInstanceOf(NotFoundError);
    const lost = await client.responses
      .create({ model: 'auto', input: INPUT, previous_response_id: second.id })
      .catch((error: unknown) => error);
    expect(lost).toMatchObject({ status: 400, code: 'previous_response_not_found', param: 'previous_response_id' });
  });

  test('counts the tokens of an input', async () => {
    const count = await client.responses.inputTokens.count({ model: 'auto', input: INPUT });
    expect(count.object).toBe('response.input_tokens');
    expect(count.input_tokens).toBeGreaterThan(5);
    expect(small.calls).toHaveLength(0);
  });

  test('sees a failure after the first word as an error, and so does whoever follows the response', async () => {
    small.always(behaviours['close mid-answer']);
    const stream = client.responses.stream({ model: 'auto', input: INPUT });
    let text = '';
    stream.on('response.output_text.delta', ({ delta }) => {
      text += delta;
    });
    await expect(stream.finalResponse()).rejects.toBeInstanceOf(APIError);
    expect(ANSWER.startsWith(text) && text !== '').toBe(true);
  });

  test('of version 5 and 6 does the same', async () => {
    for (const Client of [OpenAI5, OpenAI6] as unknown as (typeof OpenAI)[]) {
      const older = new Client({ baseURL: gateway.url, apiKey: 'x', maxRetries: 0, timeout: 10_000 });
      const created = await older.responses.create({ model: 'auto', input: INPUT });
      expect(created.output_text).toBe(ANSWER);
      const streamed = await older.responses
        .stream({ model: 'auto', input: 'Go on.', previous_response_id: created.id })
        .finalResponse();
      // Version 5 works `output_text` out for plain answers alone.
      expect(streamed.output).toMatchObject([{ content: [{ type: 'output_text', text: ANSWER }] }]);
      expect((await older.responses.retrieve(created.id)).id).toBe(created.id);
    }
  });
});

describe('the AI SDK with its default model', () => {
  const provider = () => createOpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'x' });
  const model = () => provider()('auto');

  test('generates and streams text', async () => {
    const { text, usage } = await generateText({ model: model(), prompt: INPUT, maxRetries: 0 });
    expect(text).toBe(ANSWER);
    expect(usage.inputTokens).toBe(small.produced.promptTokens);
    const stream = streamText({ model: model(), prompt: INPUT, maxRetries: 0 });
    expect(await stream.text).toBe(ANSWER);
    expect(await stream.finishReason).toBe('stop');
    expect(small.last.path).toBe('/v1/chat/completions');
  });

  test('runs a loop of tools, referring to what the gateway keeps', async () => {
    for (const upstream of [small, large]) upstream.script(calling('get_weather', '{"city":"Köln"}'));
    const get_weather = tool({
      description: 'Weather.',
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => `rainy in ${city}`,
    });
    const { text, steps } = await generateText({
      model: model(),
      prompt: INPUT,
      tools: { get_weather },
      stopWhen: stepCountIs(3),
      maxRetries: 0,
    });
    expect([text, steps.length]).toEqual([ANSWER, 2]);
    const [last] = [...small.calls, ...large.calls].slice(-1);
    expect(last!.body.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
  });

  test('generates an object', async () => {
    for (const upstream of [small, large]) upstream.always(saying('{"city":"Köln"}'));
    const output = Output.object({ schema: z.object({ city: z.string() }) });
    const result = await generateText({ model: model(), prompt: INPUT, output, maxRetries: 0 });
    expect(result.output).toEqual({ city: 'Köln' });
  });

  test('is told of a stream that breaks off', async () => {
    small.always(behaviours['close mid-answer']);
    const parts: string[] = [];
    const stream = streamText({ model: model(), prompt: INPUT, maxRetries: 0, onError: () => {} });
    for await (const part of stream.fullStream) parts.push(part.type);
    expect(parts).toContain('error');
  });
});

test('a request as Codex sends it: nothing kept, three sorts of tools, and each called as its own sort', async () => {
  const shell = { command: ['ls', '-la'], working_directory: '/tmp', timeout_ms: 1000 };
  const body = {
    model: 'auto',
    instructions: 'You are a coding agent.',
    input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Fix the test.' }] }],
    tools: [
      { type: 'function', name: 'update_plan', parameters: { type: 'object', properties: {} }, strict: false },
      {
        type: 'custom',
        name: 'apply_patch',
        description: 'Edits.',
        format: { type: 'grammar', syntax: 'lark', definition: 'x' },
      },
      { type: 'local_shell' },
    ],
    tool_choice: 'auto',
    parallel_tool_calls: false,
    reasoning: { effort: 'medium', summary: 'auto' },
    store: false,
    stream: true,
    include: ['reasoning.encrypted_content'],
    prompt_cache_key: 'a7e1',
  };
  for (const upstream of [small, large]) {
    upstream.always((call) => {
      call.open();
      call.event(call.delta({ role: 'assistant', content: null }));
      for (const piece of ['Let me', ' look.']) call.event(call.delta({ reasoning_content: piece }));
      const calls = [
        ['update_plan', ''],
        ['apply_patch', '{"input":"*** Begin"}'],
        ['local_shell', JSON.stringify(shell)],
      ] as const;
      for (const [index, [name, text]] of calls.entries()) {
        const called = { index, id: `call_${index}`, type: 'function', function: { name, arguments: text } };
        call.event(call.delta({ tool_calls: [called] }));
      }
      call.finish('tool_calls');
      call.done();
    });
  }
  const stream = await client.responses.create(body as never);
  const events: ResponseStreamEvent[] = [];
  for await (const event of stream as unknown as AsyncIterable<ResponseStreamEvent>) events.push(event);
  const done = events.flatMap((event) => (event.type === 'response.output_item.done' ? [event.item] : []));
  expect(done).toMatchObject([
    { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Let me look.' }] },
    { type: 'function_call', call_id: 'call_0', name: 'update_plan', arguments: '{}' },
    { type: 'custom_tool_call', call_id: 'call_1', name: 'apply_patch', input: '*** Begin' },
    { type: 'local_shell_call', call_id: 'call_2', action: { type: 'exec', env: {}, ...shell } },
  ]);
  const completed = events.at(-1)!;
  if (completed.type !== 'response.completed') throw new Error(completed.type);
  expect(completed.response.output).toEqual(done);
  expect(completed.response).toMatchObject({ store: false });
  await expect(client.responses.retrieve(completed.response.id)).rejects.toBeInstanceOf(NotFoundError);
  const sent = [...small.calls, ...large.calls][0]!.body;
  expect(sent).toMatchObject({ reasoning_effort: 'medium', parallel_tool_calls: false, tool_choice: 'auto' });
  for (const field of ['store', 'include', 'prompt_cache_key', 'reasoning', 'input', 'instructions']) {
    expect(sent).not.toHaveProperty(field);
  }
  const entry = await until(async () => (await gateway.entries()).at(-1), 5_000, 'the entry');
  expect(entry.endpoint).toBe('/v1/responses');
});
