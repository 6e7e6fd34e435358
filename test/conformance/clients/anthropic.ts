import assert from 'node:assert/strict';
import type Anthropic from '@anthropic-ai/sdk';
import { type Cell, type Client, EXPECTED, noneOf, type Stage } from '../feature.ts';
import {
  assertPerson,
  assertText,
  assertUsage,
  assertWeather,
  HELLO,
  IMAGE,
  MAX_TOKENS,
  PERSON_SCHEMA,
  rejection,
  WEATHER_REPORT,
  WEATHER_SCHEMA,
} from '../prompts.ts';
import { createWatchingFetch } from '../watching-fetch.ts';

type Sdk = typeof import('@anthropic-ai/sdk');
type Params = Partial<Anthropic.MessageCreateParamsNonStreaming> & Record<string, unknown>;

const TOOLS = {
  tools: [{ name: 'get_weather', description: 'The weather of a city', input_schema: WEATHER_SCHEMA as never }],
  tool_choice: { type: 'any' as const },
};
const THINKING = { thinking: { type: 'enabled' as const, budget_tokens: 1024 }, max_tokens: 2048 };

/** Anthropic's own SDK at `/v1/messages`: what Claude Code and tools like it speak. */
export const anthropic = async (): Promise<Client> => {
  const sdk: Sdk = await import('@anthropic-ai/sdk');
  const open = (stage: Stage, options: ConstructorParameters<Sdk['default']>[0] = {}) =>
    // It puts /v1 before its paths itself.
    new sdk.default({
      baseURL: stage.baseURL.slice(0, -'/v1'.length),
      apiKey: stage.apiKey,
      maxRetries: 0,
      ...options,
    });
  const body = (stage: Stage, params: Params = {}) => ({
    model: stage.model,
    max_tokens: MAX_TOKENS,
    messages: [{ role: 'user' as const, content: HELLO }],
    ...params,
  });
  const create = (stage: Stage, params?: Params, client = open(stage)) => client.messages.create(body(stage, params));
  const stream = (stage: Stage, params?: Params, client = open(stage)) => client.messages.stream(body(stage, params));
  const textOf = ({ content }: Pick<Anthropic.Message, 'content'>) =>
    content.map((block) => (block.type === 'text' ? block.text : '')).join('');
  const callsOf = ({ content }: Pick<Anthropic.Message, 'content'>) =>
    content.flatMap((block) => {
      if (block.type !== 'tool_use') return [];
      assert.ok(block.name === 'get_weather' && block.id !== '');
      return [block];
    });
  const inputs = (message: Anthropic.Message) => callsOf(message).map(({ input }) => input);
  const thoughtOf = ({ content }: Anthropic.Message) =>
    content.map((block) => (block.type === 'thinking' ? block.thinking : '')).join('');
  const fails =
    (kind: keyof Sdk, status: number, code: string, params?: Params): Cell =>
    async (stage) => {
      const error = await rejection(create(stage, params));
      assert.ok(error instanceof (sdk[kind] as typeof Error), `${error.constructor.name}: ${error.message}`);
      assert.equal(error['status'], status);
      assert.equal((error['error'] as { error: { code: string } }).error.code, code);
      assert.match(String(error['requestID']), /^req_/);
    };
  const isHit =
    (count: number): Cell =>
    async (stage) => {
      // The default of retries: what people run with.
      await rejection(create(stage, {}, open(stage, { maxRetries: undefined as never })));
      assert.equal(await stage.hits(), count);
    };

  return {
    name: 'anthropic',
    cells: {
      async chat(stage) {
        const message = await create(stage);
        assertText(stage, textOf(message));
        assertUsage(stage, message.usage.input_tokens, message.usage.output_tokens);
        assert.deepEqual([message.type, message.role], ['message', 'assistant']);
      },
      async conversation(stage) {
        const message = await create(stage, {
          system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
          messages: [
            { role: 'user', content: 'What is the weather in Köln?' },
            { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} }] },
            { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: WEATHER_REPORT }] },
            { role: 'assistant', content: 'It is 12 °C.' },
            { role: 'user', content: HELLO },
          ],
        });
        assertText(stage, textOf(message));
        if (stage.isLocal) return;
        const sent = stage.sent()[0]?.['messages'] as { role: string }[];
        assert.deepEqual(
          sent.map(({ role }) => role),
          ['system', 'user', 'assistant', 'tool', 'assistant', 'user'],
        );
      },
      async stream(stage) {
        let text = '';
        for await (const event of await open(stage).messages.create({ ...body(stage), stream: true })) {
          if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text;
        }
        assertText(stage, text);
      },
      async 'stream helper'(stage) {
        assertText(stage, textOf(await stream(stage).finalMessage()));
      },
      async 'stream with usage'(stage) {
        const { usage } = await stream(stage).finalMessage();
        assertUsage(stage, usage.input_tokens, usage.output_tokens);
      },
      async tool(stage) {
        const message = await create(stage, TOOLS);
        assert.equal(message.stop_reason, 'tool_use');
        assertWeather(stage, inputs(message)[0]);
      },
      async 'streamed tool'(stage) {
        const message = await stream(stage, TOOLS).finalMessage();
        assert.equal(message.stop_reason, 'tool_use');
        assertWeather(stage, inputs(message)[0]);
      },
      async 'parallel tools'(stage) {
        assert.deepEqual(inputs(await create(stage, TOOLS)), EXPECTED.tools);
      },
      async 'streamed parallel tools'(stage) {
        assert.deepEqual(inputs(await stream(stage, TOOLS).finalMessage()), EXPECTED.tools);
      },
      async 'tool loop'(stage) {
        const first = await stream(stage, TOOLS).finalMessage();
        const results = callsOf(first).map(({ id }) => ({
          type: 'tool_result' as const,
          tool_use_id: id,
          content: WEATHER_REPORT,
        }));
        assert.ok(results.length > 0);
        const messages: Anthropic.MessageParam[] = [
          { role: 'user', content: HELLO },
          { role: 'assistant', content: first.content },
          { role: 'user', content: results },
        ];
        assertText(stage, textOf(await create(stage, { tools: TOOLS.tools, messages })));
      },
      async reasoning(stage) {
        const message = await create(stage, THINKING);
        assertText(stage, textOf(message));
        assert.equal(thoughtOf(message), EXPECTED.reasoning);
        assert.equal(thoughtOf(await create(stage)), '');
      },
      async 'streamed reasoning'(stage) {
        const message = await stream(stage, THINKING).finalMessage();
        assertText(stage, textOf(message));
        assert.equal(thoughtOf(message), EXPECTED.reasoning);
      },
      async object(stage) {
        const output_config = { format: { type: 'json_schema' as const, schema: PERSON_SCHEMA as never } };
        assertPerson(stage, JSON.parse(textOf(await create(stage, { output_config }))));
      },
      async 'streamed object'(stage) {
        const output_config = { format: { type: 'json_schema' as const, schema: PERSON_SCHEMA as never } };
        assertPerson(stage, JSON.parse(textOf(await stream(stage, { output_config }).finalMessage())));
      },
      async image(stage) {
        const source = { type: 'base64' as const, media_type: 'image/png' as const, data: IMAGE.split(',')[1] ?? '' };
        const content = [
          { type: 'text' as const, text: HELLO },
          { type: 'image' as const, source },
        ];
        assertText(stage, textOf(await create(stage, { messages: [{ role: 'user', content }] })));
        assert.match(JSON.stringify(stage.sent()[0]), /"image_url":\{"url":"data:image\/png;base64,iVBOR/);
      },
      async 'token count'(stage) {
        const { messages } = body(stage);
        const { input_tokens } = await open(stage).messages.countTokens({ model: stage.model, messages });
        assert.ok(input_tokens > 0);
      },
      async 'models list'(stage) {
        const found = [];
        for await (const model of open(stage).models.list()) found.push(model.id);
        assert.ok(found.includes('auto'));
      },
      async 'model with a slash'(stage) {
        const id = (await open(stage).models.list()).data.map((model) => model.id).find((each) => each.includes('/'));
        assert.ok(id, 'no model with a slash in its name');
        assert.equal((await open(stage).models.retrieve(id)).id, id);
      },
      async 'request id'(stage) {
        const { data, response, request_id } = await open(stage).messages.create(body(stage)).withResponse();
        assert.match(String(request_id), /^req_/);
        assert.equal((data as { _request_id?: string | null })._request_id, request_id);
        assert.equal(response.headers.get('x-request-id'), request_id);
      },
      'error 400': fails('BadRequestError', 400, 'upstream_refused'),
      async 'error 401'(stage) {
        const error = await rejection(create(stage, {}, open(stage, { apiKey: 'wrong' })));
        assert.ok(error instanceof sdk.AuthenticationError, error.message);
      },
      'error 404': fails('NotFoundError', 404, 'model_not_found', { model: 'nobody/knows' }),
      'error 429': fails('RateLimitError', 429, 'upstream_rate_limited'),
      'error 500': fails('InternalServerError', 502, 'upstream_error'),
      'retries of 429': isHit(3),
      'retries of 429 with retry-after': isHit(3),
      'retries of 500': isHit(3),
      'no retry of 400': isHit(1),
      async 'spent budget'(stage) {
        const client = open(stage, { apiKey: stage.spentKey, maxRetries: undefined as never });
        const error = await rejection(create(stage, {}, client));
        assert.ok(error instanceof sdk.RateLimitError, error.message);
        assert.equal(await stage.hits(), 1);
      },
      async 'error inside a stream'(stage) {
        const error = await rejection(stream(stage).finalMessage());
        assert.ok(error instanceof sdk.APIError, `${error.constructor.name}: ${error.message}`);
        assert.match(error.message, /had an error while processing/);
      },
      async 'broken stream'(stage) {
        const error = await rejection(stream(stage).finalMessage());
        assert.ok(error instanceof sdk.APIError, `${error.constructor.name}: ${error.message}`);
        assert.match(error.message, /upstream_interrupted/);
      },
      async abort(stage) {
        for await (const event of await open(stage).messages.create({ ...body(stage), stream: true })) {
          if (event.type === 'content_block_delta') break;
        }
        assert.equal(await stage.untilUpstreamClosed(), 'cut');
      },
      async 'twenty seconds of silence'(stage) {
        const watching = createWatchingFetch();
        const { baseURL } = stage.silence;
        const client = open(stage, { baseURL: baseURL.slice(0, -'/v1'.length), fetch: watching.fetch as never });
        let text = '';
        for await (const event of await client.messages.create({ ...body(stage), stream: true })) {
          if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text;
          if (text === 'Good morning') stage.silence.pass(20_000);
        }
        assert.equal(text, 'Good morning!');
        assert.match(watching.seen(), /morning[\s\S]*: heartbeat\n\n[\s\S]*!/);
      },
      ...noneOf('the API of messages has none', [
        'several choices',
        'streamed choices',
        'log-probabilities',
        'embeddings',
        'embeddings as floats',
        'text completion',
        'streamed text completion',
        'custom tool',
        'shell tool',
      ]),
      ...noneOf('fields that chat does not have are for upstreams that speak messages', ['unknown fields']),
      ...noneOf('calls messages alone', [
        'responses',
        'streamed responses',
        'responses tool',
        'streamed responses tool',
        'responses object',
        'responses chain',
      ]),
    },
  };
};
