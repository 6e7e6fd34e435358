import assert from 'node:assert/strict';
import type OpenAI from 'openai';
import type { ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions';
import { type Cell, type Client, EXPECTED, na, type Stage } from '../feature.ts';
import {
  assertChoices,
  assertPerson,
  assertText,
  assertUsage,
  assertVectors,
  assertWeather,
  COMPLETED,
  EMBEDDED,
  HELLO,
  IMAGE,
  MAX_TOKENS,
  PERSON_SCHEMA,
  rejection,
  UNKNOWN_FIELDS,
  WEATHER_REPORT,
  WEATHER_SCHEMA,
} from '../prompts.ts';
import { createWatchingFetch } from '../watching-fetch.ts';

type Sdk = typeof import('openai');
type Params = Partial<Omit<ChatCompletionCreateParamsNonStreaming, 'stream'>> & Record<string, unknown>;
type Format = { json_schema: { schema: unknown } };
type Version = { name: string; sdk: Sdk; format(): never };

/** Every major version of openai-node that is in use, each as its own client. */
export const openaiNode = async (): Promise<Client[]> => {
  const { z } = await import('zod');
  const person = z.object({ name: z.string(), born: z.number(), fields: z.array(z.string()) });
  const version = async (name: string): Promise<Client> => {
    const [sdk, helpers] = await Promise.all([import(name), import(`${name}/helpers/zod`)]);
    const format = () => {
      const made = helpers.zodResponseFormat(person, 'person') as Format;
      // Versions 4 and 5 cannot read schemas of zod 4; what they do with the answer is what counts here.
      made.json_schema.schema = PERSON_SCHEMA;
      return made as never;
    };
    return clientOf({ name, sdk: sdk as Sdk, format });
  };
  return Promise.all(['openai4', 'openai5', 'openai6', 'openai'].map(version));
};

const clientOf = ({ name, sdk, format }: Version): Client => {
  const open = (stage: Stage, options: ConstructorParameters<Sdk['default']>[0] = {}) =>
    new sdk.default({ baseURL: stage.baseURL, apiKey: stage.apiKey, maxRetries: 0, ...options });
  /** Where `.parse()` and `.stream()` are: they left beta in version 5. */
  const helpersOf = (client: OpenAI): OpenAI['chat']['completions'] =>
    'parse' in client.chat.completions ? client.chat.completions : (client as never as Beta).beta.chat.completions;
  const body = (stage: Stage, params: Params = {}) => ({
    model: stage.model,
    messages: [{ role: 'user' as const, content: HELLO }],
    max_completion_tokens: MAX_TOKENS,
    ...params,
  });
  const create = (stage: Stage, params?: Params, client = open(stage)) =>
    client.chat.completions.create(body(stage, params));
  const stream = (stage: Stage, params?: Params, client = open(stage)) =>
    client.chat.completions.create({ ...body(stage, params), stream: true });
  const read = async (stage: Stage, params?: Params, client = open(stage)) => {
    const chunks = [];
    for await (const chunk of await stream(stage, params, client)) chunks.push(chunk);
    return chunks;
  };
  const tools = [{ type: 'function' as const, function: { name: 'get_weather', parameters: WEATHER_SCHEMA as never } }];
  const withTools: Params = { tools, tool_choice: 'required' };
  const fails = (kind: keyof Sdk, status: number, expected: object, params?: Params): Cell => {
    return async (stage) => {
      const error = await rejection(create(stage, params));
      assert.ok(error instanceof (sdk[kind] as typeof Error), `${error.constructor.name}: ${error.message}`);
      assert.partialDeepStrictEqual({ ...error }, { status, ...expected });
      assert.match(String(error['requestID'] ?? error['request_id']), /^req_/);
    };
  };
  const isHit = (count: number): Cell => {
    return async (stage) => {
      // The default of retries: what people run with.
      const client = open(stage, { maxRetries: undefined as never });
      await rejection(create(stage, {}, client));
      assert.equal(await stage.hits(), count);
    };
  };
  const argumentsOf = (calls: OpenAI.ChatCompletionMessageToolCall[] | undefined) =>
    (calls ?? []).map((call) => {
      assert.ok(call.type === 'function' && call.function.name === 'get_weather' && call.id !== '');
      return JSON.parse(call.function.arguments);
    });

  type ResponseParams = Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming>;
  const asResponse = (stage: Stage, params: ResponseParams = {}) => ({
    model: stage.model,
    input: HELLO,
    max_output_tokens: MAX_TOKENS,
    ...params,
    stream: undefined as never,
  });
  const respond = (stage: Stage, params?: ResponseParams): Promise<OpenAI.Responses.Response> =>
    open(stage).responses.create({ ...asResponse(stage, params), stream: false });
  const callsOf = (output: readonly { type: string }[]) =>
    output.flatMap((item) => {
      const call = item as OpenAI.Responses.ResponseFunctionToolCall;
      if (call.type !== 'function_call') return [];
      assert.ok(call.name === 'get_weather' && call.call_id !== '');
      return [JSON.parse(call.arguments)];
    });

  return {
    name,
    cells: {
      async chat(stage) {
        const { choices, usage, object } = await create(stage);
        assertText(stage, choices[0]?.message.content);
        assertUsage(stage, usage?.prompt_tokens, usage?.completion_tokens);
        assert.equal(object, 'chat.completion');
        assert.equal(choices[0]?.message.role, 'assistant');
      },
      async conversation(stage) {
        const messages: OpenAI.ChatCompletionMessageParam[] = [
          { role: 'developer', content: 'Be brief.' },
          { role: 'user', content: [{ type: 'text', text: 'What is the weather in Köln?' }] },
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{}' } }],
          },
          { role: 'tool', tool_call_id: 'call_1', content: '12 °C' },
          { role: 'assistant', content: 'It is 12 °C.', refusal: null },
          { role: 'user', content: HELLO, name: 'ada' },
        ];
        assertText(stage, (await create(stage, { messages })).choices[0]?.message.content);
        if (!stage.isLocal) assert.deepEqual(stage.sent()[0]?.['messages'], messages);
      },
      async stream(stage) {
        const chunks = await read(stage);
        assertText(stage, chunks.map(({ choices }) => choices[0]!.delta.content ?? '').join(''));
        assert.equal(chunks[0]?.choices[0]?.delta.role, 'assistant');
        assert.ok(chunks.every(({ usage }) => usage == null));
        assert.equal(chunks.filter(({ choices }) => choices[0]!.finish_reason).length, 1);
      },
      async 'stream helper'(stage) {
        assertText(stage, await helpersOf(open(stage)).stream(body(stage)).finalContent());
      },
      async 'stream with usage'(stage) {
        const usages = (await read(stage, { stream_options: { include_usage: true } })).filter(({ usage }) => usage);
        assert.equal(usages.length, 1);
        assert.deepEqual(usages[0]?.choices, []);
        assertUsage(stage, usages[0]?.usage?.prompt_tokens, usages[0]?.usage?.completion_tokens);
      },
      async tool(stage) {
        const { message, finish_reason } = (await create(stage, withTools)).choices[0]!;
        assert.equal(finish_reason, 'tool_calls');
        assertWeather(stage, argumentsOf(message.tool_calls)[0]);
      },
      async 'streamed tool'(stage) {
        const { choices } = await helpersOf(open(stage)).stream(body(stage, withTools)).finalChatCompletion();
        assert.equal(choices[0]?.finish_reason, 'tool_calls');
        assertWeather(stage, argumentsOf(choices[0]?.message.tool_calls)[0]);
      },
      async 'parallel tools'(stage) {
        const { message } = (await create(stage, { ...withTools, parallel_tool_calls: true })).choices[0]!;
        assert.deepEqual(argumentsOf(message.tool_calls), EXPECTED.tools);
      },
      async 'streamed parallel tools'(stage) {
        const { choices } = await helpersOf(open(stage)).stream(body(stage, withTools)).finalChatCompletion();
        assert.deepEqual(argumentsOf(choices[0]?.message.tool_calls), EXPECTED.tools);
      },
      async 'tool loop'(stage) {
        const { message } = (await create(stage, withTools)).choices[0]!;
        const results = (message.tool_calls ?? []).map(({ id }) => ({
          role: 'tool' as const,
          tool_call_id: id,
          content: WEATHER_REPORT,
        }));
        assert.ok(results.length > 0);
        const messages = [{ role: 'user' as const, content: HELLO }, message, ...results];
        // A local model may want to call again.
        const { choices } = await create(stage, { tools, messages, ...(stage.isLocal && { tool_choice: 'none' }) });
        assertText(stage, choices[0]?.message.content);
        if (!stage.isLocal) assert.deepEqual(stage.sent()[1]?.['messages'], JSON.parse(JSON.stringify(messages)));
      },
      async reasoning(stage) {
        const { output, output_text, usage } = await respond(stage, { reasoning: { effort: 'low' } });
        assertText(stage, output_text);
        const [thought] = output as unknown as { type: string; content?: { text: string }[] }[];
        assert.deepEqual([thought?.type, thought?.content?.[0]?.text], ['reasoning', EXPECTED.reasoning]);
        assert.equal(usage?.output_tokens_details.reasoning_tokens, 9);
      },
      async 'streamed reasoning'(stage) {
        let thought = '';
        for await (const event of await open(stage).responses.create({ ...asResponse(stage), stream: true as const })) {
          const { type, delta } = event as { type: string; delta?: string };
          if (type === 'response.reasoning_text.delta') thought += delta;
        }
        assert.equal(thought, EXPECTED.reasoning);
      },
      async object(stage) {
        const parsed = await helpersOf(open(stage)).parse(body(stage, { response_format: format() }));
        assertPerson(stage, parsed.choices[0]?.message.parsed);
        if (!stage.isLocal)
          assert.deepEqual(stage.sent()[0]?.['response_format'], JSON.parse(JSON.stringify(format())));
      },
      async 'streamed object'(stage) {
        const helper = helpersOf(open(stage)).stream(body(stage, { response_format: format() }));
        assertPerson(stage, (await helper.finalChatCompletion()).choices[0]?.message.parsed);
      },
      async 'several choices'(stage) {
        const { choices } = await create(stage, { n: 2 });
        assert.deepEqual(
          choices.map(({ index }) => index),
          [0, 1],
        );
        assertChoices(
          stage,
          choices.map(({ message }) => message.content),
        );
      },
      async 'streamed choices'(stage) {
        const { choices } = await helpersOf(open(stage))
          .stream(body(stage, { n: 2 }))
          .finalChatCompletion();
        assertChoices(
          stage,
          choices.map(({ message }) => message.content),
        );
      },
      async 'log-probabilities'(stage) {
        const params = { logprobs: true, top_logprobs: 2 };
        const { choices } = await create(stage, params);
        const found = choices[0]?.logprobs?.content ?? [];
        assert.ok(
          found.length > 0 &&
            found.every(
              ({ token, logprob, top_logprobs }) =>
                typeof token === 'string' && logprob <= 0 && top_logprobs.length === 2,
            ),
        );
        const streamed = (await read(stage, params)).flatMap(({ choices }) => choices[0]?.logprobs?.content ?? []);
        if (!stage.isLocal) assert.deepEqual(streamed, found);
      },
      async 'unknown fields'(stage) {
        assertText(stage, (await create(stage, UNKNOWN_FIELDS)).choices[0]?.message.content);
        assert.partialDeepStrictEqual(stage.sent()[0], UNKNOWN_FIELDS);
      },
      async image(stage) {
        const content = [
          { type: 'text' as const, text: HELLO },
          { type: 'image_url' as const, image_url: { url: IMAGE, detail: 'low' as const } },
        ];
        assertText(stage, (await create(stage, { messages: [{ role: 'user', content }] })).choices[0]?.message.content);
        assert.deepEqual(stage.sent()[0]?.['messages'], [{ role: 'user', content }]);
      },
      async responses(stage) {
        const { output_text, status, usage, id } = await respond(stage);
        assertText(stage, output_text);
        if (!stage.isLocal) assert.equal(status, 'completed');
        assertUsage(stage, usage?.input_tokens, usage?.output_tokens);
        assert.match(id, /^resp_/);
      },
      async 'streamed responses'(stage) {
        const helper = open(stage).responses.stream(asResponse(stage));
        let text = '';
        helper.on('response.output_text.delta', ({ delta }) => {
          text += delta;
        });
        const { output } = await helper.finalResponse();
        assertText(stage, text);
        // Versions 4 and 5 put no `output_text` on what they have streamed.
        const parts = output.flatMap((item) => (item.type === 'message' ? item.content : []));
        assert.equal(parts.map((part) => (part.type === 'output_text' ? part.text : '')).join(''), text);
      },
      async 'responses tool'(stage) {
        assertWeather(stage, callsOf((await respond(stage, RESPONSE_TOOLS)).output)[0]);
      },
      async 'streamed responses tool'(stage) {
        const helper = open(stage).responses.stream(asResponse(stage, RESPONSE_TOOLS));
        assertWeather(stage, callsOf((await helper.finalResponse()).output)[0]);
      },
      async 'responses object'(stage) {
        const text = { format: { type: 'json_schema' as const, name: 'person', schema: PERSON_SCHEMA, strict: true } };
        assertPerson(stage, JSON.parse((await respond(stage, { text } as never)).output_text));
      },
      async 'responses chain'(stage) {
        const first = await respond(stage);
        const second = await respond(stage, { previous_response_id: first.id, input: 'And again.' });
        assertText(stage, second.output_text);
        assert.equal(second.previous_response_id, first.id);
        if (!stage.isLocal) {
          const messages = stage.sent()[1]?.['messages'] as { role: string }[];
          assert.deepEqual(
            messages.map(({ role }) => role),
            ['user', 'assistant', 'user'],
          );
        }
        const error = await rejection(respond(stage, { previous_response_id: 'resp_nobody' }));
        assert.ok(error instanceof sdk.BadRequestError, `${error.constructor.name}: ${error.message}`);
        assert.equal(error.code, 'previous_response_not_found');
      },
      async 'custom tool'(stage) {
        const custom = { tools: [{ type: 'custom', name: 'apply_patch' }], tool_choice: 'required' };
        const [call] = (await respond(stage, custom as never)).output as unknown as Record<string, unknown>[];
        assert.partialDeepStrictEqual(call, { type: 'custom_tool_call', name: 'apply_patch', input: EXPECTED.patch });
      },
      async 'shell tool'(stage) {
        const shell = { tools: [{ type: 'local_shell' }] };
        const [call] = (await respond(stage, shell as never)).output as unknown as Record<string, unknown>[];
        const action = { type: 'exec', command: ['ls', '-l'], working_directory: '/tmp', timeout_ms: 1000 };
        assert.partialDeepStrictEqual(call, { type: 'local_shell_call', action });
      },
      async 'token count'(stage) {
        const { responses } = open(stage);
        if (!('inputTokens' in responses)) return na('does not know it yet');
        const { input_tokens } = await responses.inputTokens.count({ model: stage.model, input: HELLO });
        assert.ok(input_tokens > 0);
        return undefined;
      },
      async embeddings(stage) {
        const { data, usage } = await open(stage).embeddings.create({ model: stage.model, input: EMBEDDED });
        assertVectors(data.map(({ embedding }) => embedding));
        assert.equal(usage.prompt_tokens, 8);
      },
      async 'embeddings as floats'(stage) {
        const asked = { model: stage.model, input: EMBEDDED, encoding_format: 'float' as const };
        assertVectors((await open(stage).embeddings.create(asked)).data.map(({ embedding }) => embedding));
      },
      async 'text completion'(stage) {
        const { choices, usage } = await open(stage).completions.create({ model: stage.model, prompt: COMPLETED });
        assert.equal(choices[0]?.text, EXPECTED.completion);
        assert.equal(usage?.total_tokens, 12);
      },
      async 'streamed text completion'(stage) {
        const asked = { model: stage.model, prompt: COMPLETED, stream: true as const };
        let text = '';
        for await (const chunk of await open(stage).completions.create(asked)) text += chunk.choices[0]!.text;
        assert.equal(text, EXPECTED.completion);
      },
      async 'models list'(stage) {
        const found = [];
        for await (const model of open(stage).models.list()) found.push(model);
        assert.ok(found.some(({ id }) => id === 'auto'));
        assert.ok(
          found.every(({ object, created, owned_by }) => object === 'model' && Number.isInteger(created) && owned_by),
        );
      },
      async 'model with a slash'(stage) {
        const ids = (await open(stage).models.list()).data.map(({ id }) => id);
        const id = ids.find((each) => each.includes('/'));
        assert.ok(id, 'no model with a slash in its name');
        assert.equal((await open(stage).models.retrieve(id)).id, id);
      },
      async 'request id'(stage) {
        const { data, response, request_id } = await create(stage).withResponse();
        assert.match(String(request_id), /^req_/);
        assert.equal((data as { _request_id?: string | null })._request_id, request_id);
        assert.match(String(response.headers.get('x-rightsize-reason')), /./);
      },
      'error 400': fails('BadRequestError', 400, { code: 'unsupported_value', param: 'temperature' }),
      async 'error 401'(stage) {
        const error = await rejection(create(stage, {}, open(stage, { apiKey: 'wrong' })));
        assert.ok(error instanceof sdk.AuthenticationError);
        assert.partialDeepStrictEqual({ ...error }, { status: 401, code: 'invalid_api_key' });
      },
      'error 404': fails('NotFoundError', 404, { code: 'model_not_found', param: 'model' }, { model: 'nobody/knows' }),
      'error 429': fails('RateLimitError', 429, { type: 'requests' }),
      'error 500': fails('InternalServerError', 502, { type: 'server_error' }),
      'retries of 429': isHit(3),
      'retries of 429 with retry-after': isHit(3),
      'retries of 500': isHit(3),
      'no retry of 400': isHit(1),
      async 'spent budget'(stage) {
        const client = open(stage, { apiKey: stage.spentKey, maxRetries: undefined as never });
        const error = await rejection(create(stage, {}, client));
        assert.ok(error instanceof sdk.RateLimitError, error.message);
        assert.equal(error.code, 'insufficient_quota');
        assert.equal(await stage.hits(), 1);
      },
      async 'error inside a stream'(stage) {
        const error = await rejection(read(stage));
        assert.ok(error instanceof sdk.APIError, `${error.constructor.name}: ${error.message}`);
        assert.match(error.message, /had an error while processing/);
      },
      async 'broken stream'(stage) {
        const error = await rejection(read(stage));
        assert.ok(error instanceof sdk.APIError, `${error.constructor.name}: ${error.message}`);
        assert.partialDeepStrictEqual({ ...error }, { code: 'upstream_interrupted' });
      },
      async abort(stage) {
        for await (const chunk of await stream(stage)) if (chunk.choices[0]?.delta.content) break;
        assert.equal(await stage.untilUpstreamClosed(), 'cut');
      },
      async 'twenty seconds of silence'(stage) {
        const watching = createWatchingFetch();
        const client = open(stage, { baseURL: stage.silence.baseURL, fetch: watching.fetch as never });
        let text = '';
        for await (const chunk of await stream(stage, {}, client)) {
          text += chunk.choices[0]?.delta.content ?? '';
          if (text === 'Good morning') stage.silence.pass(20_000);
        }
        assert.equal(text, 'Good morning!');
        assert.match(watching.seen(), /morning[\s\S]*: heartbeat\n\n[\s\S]*!/);
      },
    },
  };
};

const RESPONSE_TOOLS = {
  tools: [{ type: 'function' as const, name: 'get_weather', parameters: WEATHER_SCHEMA as never, strict: true }],
  tool_choice: 'required' as const,
};

type Beta = { beta: { chat: { completions: OpenAI['chat']['completions'] } } };
