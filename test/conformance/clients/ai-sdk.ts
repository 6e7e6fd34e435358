import assert from 'node:assert/strict';
import type { EmbeddingModel, LanguageModel, ToolSet } from 'ai';
import { type Cell, type Client, EXPECTED, type Feature, na, noneOf, type Stage } from '../feature.ts';
import {
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

type Connection = { baseURL: string; apiKey: string; fetch?: typeof fetch };
type Ai = typeof import('ai');
type Provider = {
  name: string;
  ai: Ai;
  model(connection: Connection, id: string): LanguageModel;
  embeddingModel(connection: Connection, id: string): EmbeddingModel;
  completionModel(connection: Connection, id: string): LanguageModel;
  /** Its default model, where that calls responses. */
  responsesModel: ((connection: Connection, id: string) => LanguageModel) | null;
  passesUnknownFields: boolean;
  readsLogprobs: boolean;
  /** The compatible provider asks for usage only where told to. */
  asksForUsage: boolean;
};

/** The providers of the Vercel AI SDK that take a base URL. */
export const aiSdk = async (): Promise<Client[]> => {
  const [ai, { createOpenAI }, { createOpenAICompatible }] = await Promise.all([
    import('ai'),
    import('@ai-sdk/openai'),
    import('@ai-sdk/openai-compatible'),
  ]);
  // Warnings about settings that a provider drops go to the console, where nobody reads them.
  Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });
  return [
    clientOf({
      name: 'ai-openai',
      ai,
      model: (connection, id) => createOpenAI(connection).chat(id),
      embeddingModel: (connection, id) => createOpenAI(connection).embeddingModel(id),
      completionModel: (connection, id) => createOpenAI(connection).completion(id),
      responsesModel: (connection, id) => createOpenAI(connection)(id),
      passesUnknownFields: false,
      readsLogprobs: true,
      asksForUsage: true,
    }),
    clientOf({
      name: 'ai-compatible',
      ai,
      model: (connection, id) =>
        createOpenAICompatible({ ...connection, name: 'rightsize', supportsStructuredOutputs: true })(id),
      embeddingModel: (connection, id) =>
        createOpenAICompatible({ ...connection, name: 'rightsize' }).embeddingModel(id),
      completionModel: (connection, id) =>
        createOpenAICompatible({ ...connection, name: 'rightsize' }).completionModel(id),
      responsesModel: null,
      passesUnknownFields: true,
      readsLogprobs: false,
      asksForUsage: false,
    }),
  ];
};

type ResponsesFeature = Extract<Feature, `${string}responses${string}`>;
const NO_CHOICES = na('returns one answer per call');

const clientOf = (provider: Provider): Client => {
  const { name, ai, model, embeddingModel, completionModel, responsesModel } = provider;
  const { passesUnknownFields, readsLogprobs, asksForUsage } = provider;
  const {
    embedMany,
    generateText,
    stepCountIs,
    streamText,
    generateObject,
    streamObject,
    jsonSchema,
    tool,
    APICallError,
  } = ai;
  const options = ({ baseURL, apiKey, model: id }: Stage, connection: Partial<Connection> = {}) => ({
    model: model({ baseURL, apiKey, ...connection }, id),
    prompt: HELLO,
    maxRetries: 0,
    maxOutputTokens: MAX_TOKENS,
  });
  const tools: ToolSet = {
    get_weather: tool({
      description: 'The weather of a city',
      inputSchema: jsonSchema<object>(WEATHER_SCHEMA as never),
    }),
  };
  const withTools = { tools, toolChoice: 'required' } as const;
  const person = () => ({ schema: jsonSchema<object>(PERSON_SCHEMA as never), schemaName: 'person' });
  /** A whole stream; an error inside it is thrown. */
  const readStream = async (asked: ReturnType<typeof options> & Record<string, unknown>) => {
    let text = '';
    const calls: { toolName: string; input: unknown }[] = [];
    let finish: { finishReason: string; totalUsage: { inputTokens?: number; outputTokens?: number } } | undefined;
    for await (const part of streamText({ ...asked, onError: () => {} } as Parameters<Ai['streamText']>[0]).stream) {
      if (part.type === 'error') throw part.error;
      if (part.type === 'text-delta') text += part.text;
      if (part.type === 'tool-call') calls.push(part);
      if (part.type === 'finish') finish = part as never;
    }
    assert.ok(finish, 'the stream had no end');
    return { text, calls, finishReason: finish.finishReason, usage: finish.totalUsage };
  };
  const fails =
    (status: number, pattern: RegExp): Cell =>
    async (stage) => {
      const error = await rejection(generateText(options(stage)));
      assert.ok(APICallError.isInstance(error), `${error.constructor.name}: ${error.message}`);
      assert.equal(error.statusCode, status);
      assert.match(error.message, pattern);
    };
  const isHit =
    (count: number): Cell =>
    async (stage) => {
      // The default of retries: what people run with.
      const { maxRetries: _, ...asked } = options(stage);
      await rejection(generateText(asked));
      assert.equal(await stage.hits(), count);
    };
  const inputs = (calls: readonly { toolName: string; input: unknown }[]) => {
    assert.ok(calls.every(({ toolName }) => toolName === 'get_weather'));
    return calls.map(({ input }) => input);
  };

  const asked = (stage: Stage) => ({
    ...options(stage),
    model: responsesModel!({ baseURL: stage.baseURL, apiKey: stage.apiKey }, stage.model),
  });
  const onlyChat = na('calls chat completions alone');
  const responsesCells: Pick<Client['cells'], ResponsesFeature> =
    responsesModel === null
      ? {
          responses: onlyChat,
          'streamed responses': onlyChat,
          'responses tool': onlyChat,
          'streamed responses tool': onlyChat,
          'responses object': onlyChat,
          'responses chain': onlyChat,
        }
      : {
          async responses(stage) {
            const { text, usage } = await generateText(asked(stage));
            assertText(stage, text);
            assertUsage(stage, usage.inputTokens, usage.outputTokens);
          },
          async 'streamed responses'(stage) {
            const { text, finishReason } = await readStream(asked(stage));
            assertText(stage, text);
            if (!stage.isLocal) assert.equal(finishReason, 'stop');
          },
          async 'responses tool'(stage) {
            assertWeather(stage, inputs((await generateText({ ...asked(stage), ...withTools })).toolCalls)[0]);
          },
          async 'streamed responses tool'(stage) {
            assertWeather(stage, inputs((await readStream({ ...asked(stage), ...withTools })).calls)[0]);
          },
          async 'responses object'(stage) {
            assertPerson(stage, (await generateObject({ ...asked(stage), ...person() })).object);
          },
          async 'responses chain'(stage) {
            const first = await generateText(asked(stage));
            const previousResponseId = String(first.providerMetadata?.['openai']?.['responseId']);
            const providerOptions = { openai: { previousResponseId } };
            assertText(stage, (await generateText({ ...asked(stage), providerOptions })).text);
          },
        };

  return {
    name,
    cells: {
      async chat(stage) {
        const { text, usage, response } = await generateText(options(stage));
        assertText(stage, text);
        assertUsage(stage, usage.inputTokens, usage.outputTokens);
        assert.match(String(response.headers?.['x-request-id']), /^req_/);
      },
      async conversation(stage) {
        const { prompt: _, ...asked } = options(stage);
        const { text } = await generateText({
          ...asked,
          instructions: 'Be brief.',
          messages: [
            { role: 'user', content: 'What is the weather in Köln?' },
            {
              role: 'assistant',
              content: [{ type: 'tool-call', toolCallId: 'call_1', toolName: 'get_weather', input: {} }],
            },
            {
              role: 'tool',
              content: [
                {
                  type: 'tool-result',
                  toolCallId: 'call_1',
                  toolName: 'get_weather',
                  output: { type: 'text', value: '12 °C' },
                },
              ],
            },
            { role: 'user', content: HELLO },
          ],
        });
        assertText(stage, text);
        if (stage.isLocal) return;
        const sent = stage.sent()[0]?.['messages'] as { role: string }[];
        assert.deepEqual(
          sent.map(({ role }) => role),
          ['system', 'user', 'assistant', 'tool', 'user'],
        );
      },
      async stream(stage) {
        assertText(stage, (await readStream(options(stage))).text);
      },
      async 'stream helper'(stage) {
        const { textStream } = streamText(options(stage));
        let text = '';
        for await (const piece of textStream) text += piece;
        assertText(stage, text);
      },
      async 'stream with usage'(stage) {
        const { usage } = await readStream(options(stage));
        if (asksForUsage) assertUsage(stage, usage.inputTokens, usage.outputTokens);
        else assert.equal(usage.inputTokens, undefined);
      },
      async tool(stage) {
        const { toolCalls, finishReason } = await generateText({ ...options(stage), ...withTools });
        assert.equal(finishReason, 'tool-calls');
        assertWeather(stage, inputs(toolCalls)[0]);
      },
      async 'streamed tool'(stage) {
        const { calls, finishReason } = await readStream({ ...options(stage), ...withTools });
        assert.equal(finishReason, 'tool-calls');
        assertWeather(stage, inputs(calls)[0]);
      },
      async 'parallel tools'(stage) {
        const { toolCalls } = await generateText({ ...options(stage), ...withTools });
        assert.deepEqual(inputs(toolCalls), EXPECTED.tools);
      },
      async 'streamed parallel tools'(stage) {
        assert.deepEqual(inputs((await readStream({ ...options(stage), ...withTools })).calls), EXPECTED.tools);
      },
      async 'tool loop'(stage) {
        const get_weather = tool({
          inputSchema: jsonSchema<object>(WEATHER_SCHEMA as never),
          execute: async () => WEATHER_REPORT,
        });
        const { text, steps } = await generateText({
          ...options(stage),
          tools: { get_weather },
          prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? 'required' : 'auto' }),
          stopWhen: stepCountIs(2),
        });
        assert.deepEqual([steps.length, steps[0]?.toolResults[0]?.output], [2, WEATHER_REPORT]);
        assertText(stage, text);
      },
      ...(readsLogprobs
        ? noneOf('reads none from chat completions', ['reasoning', 'streamed reasoning'])
        : {
            async reasoning(stage: Stage) {
              const { text, reasoningText } = await generateText(options(stage));
              assertText(stage, text);
              assert.equal(reasoningText, EXPECTED.reasoning);
            },
            async 'streamed reasoning'(stage: Stage) {
              let thought = '';
              for await (const part of streamText(options(stage)).stream) {
                if (part.type === 'reasoning-delta') thought += part.text;
              }
              assert.equal(thought, EXPECTED.reasoning);
            },
          }),
      async object(stage) {
        const { object } = await generateObject({ ...options(stage), ...person() });
        assertPerson(stage, object);
      },
      async 'streamed object'(stage) {
        const { object, partialObjectStream } = streamObject({ ...options(stage), ...person() });
        for await (const _ of partialObjectStream);
        assertPerson(stage, await object);
      },
      'several choices': NO_CHOICES,
      'streamed choices': NO_CHOICES,
      'log-probabilities': readsLogprobs
        ? async (stage) => {
            const asked = { ...options(stage), providerOptions: { openai: { logprobs: 2 } } };
            const { providerMetadata } = await generateText(asked);
            assert.ok(Array.isArray(providerMetadata?.['openai']?.['logprobs']));
          }
        : na('does not read them'),
      'unknown fields': passesUnknownFields
        ? async (stage) => {
            await generateText({ ...options(stage), providerOptions: { rightsize: UNKNOWN_FIELDS } });
            assert.partialDeepStrictEqual(stage.sent()[0], UNKNOWN_FIELDS);
          }
        : na('sends the fields that it knows'),
      async image(stage) {
        const { prompt: _, ...asked } = options(stage);
        const content = [
          { type: 'text' as const, text: HELLO },
          { type: 'file' as const, data: IMAGE, mediaType: 'image/png' },
        ];
        assertText(stage, (await generateText({ ...asked, messages: [{ role: 'user', content }] })).text);
        assert.match(JSON.stringify(stage.sent()[0]), /"image_url":\{"url":"data:image\/png;base64,iVBOR/);
      },
      ...responsesCells,
      ...noneOf('a tool of coding agents', ['custom tool', 'shell tool']),
      'token count': na('counts no tokens'),
      embeddings: na('asks for floats'),
      async 'embeddings as floats'(stage) {
        const { baseURL, apiKey, model: id } = stage;
        const { embeddings } = await embedMany({ model: embeddingModel({ baseURL, apiKey }, id), values: EMBEDDED });
        assertVectors(embeddings);
      },
      async 'text completion'(stage) {
        const { baseURL, apiKey, model: id } = stage;
        const asked = { model: completionModel({ baseURL, apiKey }, id), prompt: COMPLETED, maxRetries: 0 };
        assert.equal((await generateText(asked)).text, EXPECTED.completion);
      },
      async 'streamed text completion'(stage) {
        const { baseURL, apiKey, model: id } = stage;
        const { text } = await readStream({ ...options(stage), model: completionModel({ baseURL, apiKey }, id) });
        assert.equal(text, EXPECTED.completion);
      },
      'models list': na('does not list models'),
      'model with a slash': na('does not list models'),
      async 'request id'(stage) {
        const { response } = await generateText(options(stage));
        assert.match(String(response.headers?.['x-request-id']), /^req_/);
        assert.ok(response.headers?.['x-rightsize-reason']);
      },
      'error 400': fails(400, /Unsupported value: 'temperature'/),
      async 'error 401'(stage) {
        const error = await rejection(generateText(options(stage, { apiKey: 'wrong' })));
        assert.ok(APICallError.isInstance(error) && error.statusCode === 401, error.message);
      },
      async 'error 404'(stage) {
        const error = await rejection(generateText(options({ ...stage, model: 'nobody/knows' })));
        assert.ok(APICallError.isInstance(error) && error.statusCode === 404, error.message);
      },
      'error 429': fails(429, /rate limited/),
      'error 500': fails(502, /had an error while processing/),
      'retries of 429': isHit(3),
      'retries of 429 with retry-after': isHit(3),
      'retries of 500': isHit(3),
      'no retry of 400': isHit(1),
      async 'spent budget'(stage) {
        const error = await rejection(generateText(options(stage, { apiKey: stage.spentKey })));
        assert.ok(APICallError.isInstance(error) && error.statusCode === 429, error.message);
        assert.match(String(error.responseBody), /"insufficient_quota"/);
        // It does not obey it by itself; the default of two retries would spend nothing either.
        assert.equal(error.responseHeaders?.['x-should-retry'], 'false');
      },
      async 'error inside a stream'(stage) {
        const thrown = await readStream(options(stage)).then(
          () => null,
          (error: unknown) => error,
        );
        assert.match(JSON.stringify(thrown) + String(thrown), /had an error while processing/);
      },
      async 'broken stream'(stage) {
        const thrown = await readStream(options(stage)).then(
          () => null,
          (error: unknown) => error,
        );
        assert.notEqual(thrown, null);
      },
      async abort(stage) {
        const controller = new AbortController();
        const { stream } = streamText({ ...options(stage), abortSignal: controller.signal, onError: () => {} });
        for await (const part of stream) if (part.type === 'text-delta') controller.abort();
        assert.equal(await stage.untilUpstreamClosed(), 'cut');
      },
      async 'twenty seconds of silence'(stage) {
        const watching = createWatchingFetch();
        const asked = options(stage, { baseURL: stage.silence.baseURL, fetch: watching.fetch });
        let text = '';
        for await (const piece of streamText(asked).textStream) {
          text += piece;
          if (text === 'Good morning') stage.silence.pass(20_000);
        }
        assert.equal(text, 'Good morning!');
        assert.match(watching.seen(), /morning[\s\S]*: heartbeat\n\n[\s\S]*!/);
      },
    },
  };
};
