import assert from 'node:assert/strict';
import type { AIMessage } from '@langchain/core/messages';
import { type Cell, type Client, EXPECTED, na, noneOf, type Stage } from '../feature.ts';
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

const DROPS_TOOL_CHOICE = na(
  'does not send that a tool must be called, and a small model does not call one for sure by itself',
);

/** LangChain.js over its OpenAI package. */
export const langchain = async (): Promise<Client> => {
  const { ChatOpenAI, OpenAI: LangChainText, OpenAIEmbeddings } = await import('@langchain/openai');
  const { AIMessage: Assistant, HumanMessage, SystemMessage, ToolMessage } = await import('@langchain/core/messages');
  type Fields = ConstructorParameters<typeof ChatOpenAI>[0] & object;
  const open = (stage: Stage, fields: Fields = {}, connection: Record<string, unknown> = {}) =>
    new ChatOpenAI({
      model: stage.model,
      apiKey: stage.apiKey,
      maxRetries: 0,
      maxTokens: MAX_TOKENS,
      ...fields,
      configuration: { baseURL: stage.baseURL, ...connection },
    });
  const connection = ({ model, apiKey, baseURL }: Stage) => ({
    model,
    apiKey,
    maxRetries: 0,
    configuration: { baseURL },
  });
  const tools = [{ type: 'function' as const, function: { name: 'get_weather', parameters: WEATHER_SCHEMA as never } }];
  const withTools = (stage: Stage) => open(stage).bindTools(tools, { tool_choice: 'required' });
  type Streaming = Pick<ReturnType<typeof open>, 'stream'>;
  const read = async (model: Streaming): Promise<AIMessage> => {
    const chunks = [];
    for await (const chunk of await model.stream(HELLO)) chunks.push(chunk);
    return chunks.reduce((whole, chunk) => whole.concat(chunk));
  };
  const inputs = ({ tool_calls = [] }: Pick<AIMessage, 'tool_calls'>) => {
    assert.ok(tool_calls.every(({ name, id }) => name === 'get_weather' && id));
    return tool_calls.map(({ args }) => args);
  };
  const fails =
    (status: number, pattern: RegExp): Cell =>
    async (stage) => {
      const error = await rejection(open(stage).invoke(HELLO));
      assert.equal(error['status'], status, error.message);
      assert.match(error.message, pattern);
    };
  const isHit =
    (count: number): Cell =>
    async (stage) => {
      await rejection(open(stage, { maxRetries: 2 }).invoke(HELLO));
      assert.equal(await stage.hits(), count);
    };

  return {
    name: 'langchain',
    cells: {
      async chat(stage) {
        const { text, usage_metadata } = await open(stage).invoke(HELLO);
        assertText(stage, text);
        assertUsage(stage, usage_metadata?.input_tokens, usage_metadata?.output_tokens);
      },
      async conversation(stage) {
        const { text } = await open(stage).invoke([
          new SystemMessage('Be brief.'),
          new HumanMessage('What is the weather in Köln?'),
          new Assistant({ content: '', tool_calls: [{ id: 'call_1', name: 'get_weather', args: {} }] }),
          new ToolMessage({ content: '12 °C', tool_call_id: 'call_1' }),
          new HumanMessage(HELLO),
        ]);
        assertText(stage, text);
        if (stage.isLocal) return;
        const sent = stage.sent()[0]?.['messages'] as { role: string }[];
        assert.deepEqual(
          sent.map(({ role }) => role),
          ['system', 'user', 'assistant', 'tool', 'user'],
        );
      },
      async stream(stage) {
        assertText(stage, (await read(open(stage))).text);
      },
      'stream helper': na('has one way to stream'),
      async 'stream with usage'(stage) {
        const { usage_metadata } = await read(open(stage, { streamUsage: true }));
        assertUsage(stage, usage_metadata?.input_tokens, usage_metadata?.output_tokens);
      },
      async tool(stage) {
        assertWeather(stage, inputs(await withTools(stage).invoke(HELLO))[0]);
      },
      async 'streamed tool'(stage) {
        assertWeather(stage, inputs(await read(withTools(stage) as Streaming))[0]);
      },
      async 'parallel tools'(stage) {
        assert.deepEqual(inputs(await withTools(stage).invoke(HELLO)), EXPECTED.tools);
      },
      async 'streamed parallel tools'(stage) {
        assert.deepEqual(inputs(await read(withTools(stage) as Streaming)), EXPECTED.tools);
      },
      async 'tool loop'(stage) {
        const call = await withTools(stage).invoke(HELLO);
        const results = (call.tool_calls ?? []).map(
          ({ id = '' }) => new ToolMessage({ content: WEATHER_REPORT, tool_call_id: id }),
        );
        assert.ok(results.length > 0);
        assertText(
          stage,
          (
            await open(stage)
              .bindTools(tools)
              .invoke([new HumanMessage(HELLO), call, ...results])
          ).text,
        );
      },
      async reasoning(stage) {
        const { text, additional_kwargs } = await open(stage).invoke(HELLO);
        assertText(stage, text);
        assert.equal(additional_kwargs['reasoning_content'], EXPECTED.reasoning);
      },
      async 'streamed reasoning'(stage) {
        const { additional_kwargs } = await read(open(stage));
        assert.equal(additional_kwargs['reasoning_content'], EXPECTED.reasoning);
      },
      async object(stage) {
        const model = open(stage).withStructuredOutput(PERSON_SCHEMA as never, {
          name: 'person',
          method: 'jsonSchema',
        });
        assertPerson(stage, await model.invoke(HELLO));
      },
      async 'streamed object'(stage) {
        const model = open(stage).withStructuredOutput(PERSON_SCHEMA as never, {
          name: 'person',
          method: 'jsonSchema',
        });
        let last: unknown;
        for await (const partial of await model.stream(HELLO)) last = partial;
        assertPerson(stage, last);
      },
      async 'several choices'(stage) {
        const { generations } = await open(stage, { n: 2 }).generate([[new HumanMessage(HELLO)]]);
        assertChoices(
          stage,
          generations[0]!.map(({ text }) => text),
        );
      },
      'streamed choices': na('adds the choices of a stream up to one text'),
      async 'log-probabilities'(stage) {
        const { response_metadata } = await open(stage, { logprobs: true, topLogprobs: 2 }).invoke(HELLO);
        assert.ok((response_metadata['logprobs'] as { content: unknown[] }).content.length > 0);
      },
      async 'unknown fields'(stage) {
        assertText(stage, (await open(stage, { modelKwargs: UNKNOWN_FIELDS }).invoke(HELLO)).text);
        assert.partialDeepStrictEqual(stage.sent()[0], UNKNOWN_FIELDS);
      },
      async image(stage) {
        const content = [
          { type: 'text', text: HELLO },
          { type: 'image_url', image_url: { url: IMAGE } },
        ];
        assertText(stage, (await open(stage).invoke([new HumanMessage({ content })])).text);
        assert.deepEqual(stage.sent()[0]?.['messages'], [{ role: 'user', content }]);
      },
      async responses(stage) {
        const { text, usage_metadata } = await open(stage, { useResponsesApi: true }).invoke(HELLO);
        assertText(stage, text);
        assertUsage(stage, usage_metadata?.input_tokens, usage_metadata?.output_tokens);
      },
      async 'streamed responses'(stage) {
        assertText(stage, (await read(open(stage, { useResponsesApi: true }))).text);
      },
      async 'responses tool'(stage) {
        if (stage.isLocal) return DROPS_TOOL_CHOICE;
        const model = open(stage, { useResponsesApi: true }).bindTools(tools, { tool_choice: 'required' });
        assertWeather(stage, inputs(await model.invoke(HELLO))[0]);
      },
      async 'streamed responses tool'(stage) {
        if (stage.isLocal) return DROPS_TOOL_CHOICE;
        const model = open(stage, { useResponsesApi: true }).bindTools(tools, { tool_choice: 'required' });
        assertWeather(stage, inputs(await read(model as Streaming))[0]);
      },
      async 'responses object'(stage) {
        const model = open(stage, { useResponsesApi: true });
        const person = model.withStructuredOutput(PERSON_SCHEMA as never, { name: 'person', method: 'jsonSchema' });
        assertPerson(stage, await person.invoke(HELLO));
      },
      async 'responses chain'(stage) {
        const model = open(stage, { useResponsesApi: true });
        const first = await model.invoke(HELLO);
        const previous_response_id = String(first.response_metadata['id']);
        assertText(stage, (await model.invoke('And again.', { previous_response_id })).text);
      },
      ...noneOf('a tool of coding agents', ['custom tool', 'shell tool']),
      'token count': na('counts no tokens'),
      async embeddings(stage) {
        const embeddings = new OpenAIEmbeddings({ ...connection(stage), batchSize: 8 });
        assertVectors(await embeddings.embedDocuments(EMBEDDED));
      },
      async 'embeddings as floats'(stage) {
        const embeddings = new OpenAIEmbeddings({ ...connection(stage), encodingFormat: 'float' });
        assertVectors(await embeddings.embedDocuments(EMBEDDED));
      },
      async 'text completion'(stage) {
        assert.equal(
          await new LangChainText({ ...connection(stage), streaming: false }).invoke(COMPLETED),
          EXPECTED.completion,
        );
      },
      async 'streamed text completion'(stage) {
        let text = '';
        for await (const piece of await new LangChainText(connection(stage)).stream(COMPLETED)) text += piece;
        assert.equal(text, EXPECTED.completion);
      },
      'models list': na('does not list models'),
      'model with a slash': na('does not list models'),
      'request id': na('does not show headers'),
      'error 400': fails(400, /Unsupported value: 'temperature'/),
      async 'error 401'(stage) {
        assert.equal((await rejection(open(stage, { apiKey: 'wrong' }).invoke(HELLO)))['status'], 401);
      },
      async 'error 404'(stage) {
        assert.equal((await rejection(open(stage, { model: 'nobody/knows' }).invoke(HELLO)))['status'], 404);
      },
      'error 429': fails(429, /rate limited/),
      'error 500': fails(502, /had an error while processing/),
      'retries of 429': isHit(3),
      'retries of 429 with retry-after': isHit(3),
      'retries of 500': isHit(3),
      'no retry of 400': isHit(1),
      async 'spent budget'(stage) {
        const error = await rejection(open(stage, { apiKey: stage.spentKey, maxRetries: 2 }).invoke(HELLO));
        assert.deepEqual([error['status'], error['code']], [429, 'insufficient_quota']);
        assert.equal(await stage.hits(), 1);
      },
      async 'error inside a stream'(stage) {
        assert.match((await rejection(read(open(stage)))).message, /had an error while processing/);
      },
      async 'broken stream'(stage) {
        assert.equal((await rejection(read(open(stage))))['code'], 'upstream_interrupted');
      },
      async abort(stage) {
        for await (const chunk of await open(stage).stream(HELLO)) if (chunk.text !== '') break;
        assert.equal(await stage.untilUpstreamClosed(), 'cut');
      },
      async 'twenty seconds of silence'(stage) {
        const watching = createWatchingFetch();
        const model = open(stage, {}, { baseURL: stage.silence.baseURL, fetch: watching.fetch });
        let text = '';
        for await (const chunk of await model.stream(HELLO)) {
          text += chunk.text;
          if (text === 'Good morning') stage.silence.pass(20_000);
        }
        assert.equal(text, 'Good morning!');
        assert.match(watching.seen(), /morning[\s\S]*: heartbeat\n\n[\s\S]*!/);
      },
    },
  };
};
