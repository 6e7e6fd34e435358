import OpenAI, { APIError, AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  ANSWER,
  behaviours,
  FaultyUpstream,
  good,
  stallAfter,
  TOOL_ARGUMENTS,
  tools,
} from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const EASY = [{ role: 'user' as const, content: 'What is 2+2?' }];
const HARD = [
  {
    role: 'user' as const,
    content:
      'Prove that there are infinitely many primes congruent to 3 modulo 4, and then explain step by step why the same ' +
      'argument fails for primes congruent to 1 modulo 4, citing every lemma that you use.',
  },
];
const TOOL = {
  type: 'function' as const,
  function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};

let small: FaultyUpstream;
let large: FaultyUpstream;
let gateway: TestGateway;
let client: OpenAI;

beforeAll(async () => {
  [small, large] = await Promise.all([FaultyUpstream.start(), FaultyUpstream.start()]);
  const routes = twoTierRoutes({ small: small.url, large: large.url });
  gateway = await startGateway({ routes });
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

const entryOf = async (id: string | null | undefined) =>
  until(async () => (await gateway.entries()).find((entry) => entry.id === id), 5_000, `the entry of ${id}`);

/** The error that a promise rejects with. */
const failureOf = async (promise: Promise<unknown>): Promise<APIError> => {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof APIError) return error;
  throw new Error(`expected an APIError, got ${String(error)}`);
};

describe('an unchanged openai client', () => {
  test('gets an easy request answered by the small tier and a hard one by the large tier, with the reason in headers', async () => {
    const easy = await client.chat.completions.create({ model: 'auto', messages: EASY }).withResponse();
    expect(easy.data.choices[0]?.message.content).toBe(ANSWER);
    expect(easy.data.model).toBe('small-1');
    expect(easy.response.headers.get('x-rightsize-tier')).toBe('small');
    expect(easy.response.headers.get('x-rightsize-upstream')).toBe('up-small');
    expect(easy.response.headers.get('x-rightsize-model')).toBe('small-1');
    expect(easy.response.headers.get('x-rightsize-route')).toBe('default');
    expect(easy.response.headers.get('x-rightsize-reason')).toMatch(/^difficulty 0\.\d\d < 0\.55$/);
    expect(easy.response.headers.get('x-rightsize-difficulty')).toMatch(/^0\.\d{3}$/);
    expect(easy.response.headers.get('x-rightsize-cache')).toBe('bypass');
    expect(easy.response.headers.get('x-rightsize-attempts')).toBe('1');
    expect(easy.response.headers.get('x-rightsize-overhead-ms')).toMatch(/^\d+\.\d\d$/);
    expect(easy.response.headers.get('x-rightsize-config')).toMatch(/^[0-9a-f]{12}$/);
    expect(easy.response.headers.get('x-rightsize-cost-usd')).toMatch(/^0\.0000\d+$/);
    expect(easy.response.headers.get('x-rightsize-saved-usd')).toMatch(/^0\.000\d+$/);
    expect(easy.request_id).toMatch(/^req_/);

    const hard = await client.chat.completions.create({ model: 'auto', messages: HARD }).withResponse();
    expect(hard.response.headers.get('x-rightsize-tier')).toBe('large');
    expect(hard.response.headers.get('x-rightsize-reason')).toMatch(/^difficulty 0\.\d\d >= 0\.55$/);
    expect(hard.data.model).toBe('vendor/large-1');
  });

  test('streams by iteration, with the headers before the first byte', async () => {
    const { data, response } = await client.chat.completions
      .create({ model: 'auto', messages: EASY, stream: true })
      .withResponse();
    expect(response.headers.get('x-rightsize-tier')).toBe('small');
    let text = '';
    const finishReasons: string[] = [];
    for await (const chunk of data) {
      // Code in the wild reads `choices[0]` of every chunk.
      text += chunk.choices[0]!.delta.content ?? '';
      if (chunk.choices[0]!.finish_reason) finishReasons.push(chunk.choices[0]!.finish_reason);
      expect(chunk.usage ?? null).toBeNull();
    }
    expect(text).toBe(ANSWER);
    expect(finishReasons).toEqual(['stop']);
  });

  test('streams by the .stream() helper', async () => {
    const stream = client.chat.completions.stream({ model: 'auto', messages: EASY });
    expect((await stream.finalChatCompletion()).choices[0]?.message).toMatchObject({
      role: 'assistant',
      content: ANSWER,
    });
  });

  test('gets a usage chunk only if it asked for one, equal to what the upstream counted', async () => {
    const stream = await client.chat.completions.create({
      model: 'auto',
      messages: EASY,
      stream: true,
      stream_options: { include_usage: true },
    });
    const usages = [];
    for await (const chunk of stream) if (chunk.usage) usages.push({ usage: chunk.usage, choices: chunk.choices });
    const { promptTokens, completionTokens } = small.produced;
    expect(usages).toEqual([
      {
        choices: [],
        usage: expect.objectContaining({ prompt_tokens: promptTokens, completion_tokens: completionTokens }),
      },
    ]);
  });

  test('gets a usage chunk that it asked for even where the upstream sends none', async () => {
    small.always(behaviours['no usage']);
    const stream = await client.chat.completions.create({
      model: 'auto',
      messages: EASY,
      stream: true,
      stream_options: { include_usage: true },
    });
    const usages = [];
    for await (const chunk of stream) if (chunk.usage) usages.push(chunk.usage.total_tokens);
    expect(usages).toEqual([small.produced.promptTokens + small.produced.completionTokens]);
  });

  test('gets tool calls, plain and streamed', async () => {
    large.always(tools);
    small.always(tools);
    const plain = await client.chat.completions.create({ model: 'auto', messages: EASY, tools: [TOOL] });
    const calls = plain.choices[0]?.message.tool_calls;
    expect(calls?.map((call) => call.type === 'function' && call.function)).toEqual([
      { name: 'get_weather', arguments: TOOL_ARGUMENTS },
      { name: 'get_time', arguments: TOOL_ARGUMENTS },
    ]);
    const stream = client.chat.completions.stream({ model: 'auto', messages: EASY, tools: [TOOL] });
    const streamed = await stream.finalChatCompletion();
    expect(streamed.choices[0]?.finish_reason).toBe('tool_calls');
    expect(streamed.choices[0]?.message.tool_calls).toMatchObject(calls ?? []);
  });

  test.each(['tool delta without index, id and type', 'tool arguments as an object', 'missing role'] as const)(
    'reads a stream by the strict helper in spite of: %s',
    async (name) => {
      small.always(behaviours[name]);
      const completion = await client.chat.completions.stream({ model: 'auto', messages: EASY }).finalChatCompletion();
      const { message } = completion.choices[0]!;
      expect(message.content ?? JSON.stringify(message.tool_calls?.[0])).toMatch(/forty-two|get_weather/);
    },
  );

  test('reads an answer by .parse() with a zod schema', async () => {
    small.always((call) => call.json(call.completion({ content: '{"sum":4}' })));
    const completion = await client.chat.completions.parse({
      model: 'small-1',
      messages: EASY,
      response_format: zodResponseFormat(z.object({ sum: z.number() }), 'sum'),
    });
    expect(completion.choices[0]?.message.parsed).toEqual({ sum: 4 });
    expect(small.last.body['response_format']).toMatchObject({ type: 'json_schema', json_schema: { name: 'sum' } });
  });

  test('lists models and retrieves each, ids with a slash included', async () => {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    expect(ids).toEqual(['auto', 'default', 'small', 'large', 'small-1', 'vendor/large-1']);
    for (const id of ids) expect((await client.models.retrieve(id)).id).toBe(id);
    const missing = await failureOf(client.models.retrieve('nope'));
    expect(missing).toBeInstanceOf(NotFoundError);
    expect(missing.code).toBe('model_not_found');
    expect(missing.requestID).toMatch(/^req_/);
  });
});

describe('errors reach the client as its own classes', () => {
  const create = (body: object) => client.chat.completions.create({ model: 'auto', messages: EASY, ...body } as never);

  test('an unknown model is a NotFoundError with code, param and request id', async () => {
    const error = await failureOf(create({ model: 'gpt-99' }));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
      type: 'invalid_request_error',
    });
    expect(error.message).toContain('gpt-99');
    expect(await entryOf(error.requestID)).toMatchObject({ outcome: 'refused', status: 404, requestedModel: 'gpt-99' });
  });

  test.each([
    ['empty messages', { messages: [] }, 'messages'],
    ['messages of a wrong type', { messages: 'hi' }, 'messages'],
    ['no messages', { messages: undefined }, 'messages'],
    ['a message without role', { messages: [{ content: 'hi' }] }, 'messages[0].role'],
    ['an unknown role', { messages: [{ role: 'robot', content: 'hi' }] }, 'messages[0].role'],
    ['content of a wrong type', { messages: [{ role: 'user', content: 7 }] }, 'messages[0].content'],
    ['temperature out of range', { temperature: 3 }, 'temperature'],
    ['stream of a wrong type', { stream: 'yes' }, 'stream'],
    ['an empty model', { model: '' }, 'model'],
    ['n of zero', { n: 0 }, 'n'],
    ['top_logprobs without logprobs', { top_logprobs: 3 }, 'top_logprobs'],
  ])('%s is a BadRequestError that names the field, and reaches no upstream', async (_, body, param) => {
    const error = await failureOf(create(body));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ status: 400, code: 'invalid_value', param });
    expect(await entryOf(error.requestID)).toMatchObject({ outcome: 'refused', status: 400, attempts: [] });
    expect([...small.calls, ...large.calls]).toEqual([]);
  });

  test("an upstream's verdict on the request itself arrives word for word", async () => {
    small.always(behaviours['envelope 400']);
    const error = await failureOf(create({}));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ code: 'unsupported_value', message: '400 Unsupported value: temperature.' });
  });

  test('a rate limit of every upstream is a RateLimitError with retry-after', async () => {
    small.always(behaviours['envelope 429']);
    large.always(behaviours['envelope 429']);
    const error = await failureOf(create({}));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error.headers?.get('retry-after')).toBe('7');
  });

  test('a failure after content is thrown out of the iteration with its code', async () => {
    small.always(behaviours['reset mid-answer']);
    const stream = await client.chat.completions.create({ model: 'auto', messages: EASY, stream: true });
    let text = '';
    const read = async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    };
    expect(await failureOf(read())).toMatchObject({ code: 'upstream_interrupted' });
    expect(text).toBe('The answer is');
  });
});

describe('a client that leaves', () => {
  test('mid-stream closes the upstream call within 500 ms, and the ledger has what had come', async () => {
    small.always(stallAfter(3));
    const { data, request_id } = await client.chat.completions
      .create({ model: 'auto', messages: EASY, stream: true })
      .withResponse();
    let text = '';
    for await (const chunk of data) {
      text += chunk.choices[0]?.delta.content ?? '';
      if (text === 'The answer is') break;
    }
    const leftAt = performance.now();
    expect(await small.last.closed).toBe('cut');
    expect(small.last.closedAt! - leftAt).toBeLessThan(500);
    const entry = await entryOf(request_id);
    expect(entry).toMatchObject({ outcome: 'aborted', errorCode: 'client_closed_request', isStream: true });
    expect(entry?.tokens).toMatchObject({ ...small.produced, isEstimated: true });
  });

  test.each([false, true])('before the first content closes the upstream call (stream: %s)', async (stream) => {
    small.always(behaviours['stall before headers']);
    const before = (await gateway.entries()).length;
    const controller = new AbortController();
    const asked = client.chat.completions.create(
      { model: 'auto', messages: EASY, stream },
      { signal: controller.signal },
    );
    const call = await small.untilCalls(1);
    const leftAt = performance.now();
    controller.abort();
    await expect(asked).rejects.toThrow('Request was aborted');
    await call.closed;
    expect(call.closedAt! - leftAt).toBeLessThan(500);
    const entry = await until(async () => (await gateway.entries())[before], 5_000, 'the entry');
    expect(entry).toMatchObject({ outcome: 'aborted', status: 499, errorCode: 'client_closed_request' });
    expect(large.calls).toEqual([]);
  });
});

describe('with keys', () => {
  let guarded: TestGateway;
  beforeAll(async () => {
    guarded = await startGateway({
      routes: twoTierRoutes({ small: small.url, large: large.url }),
      keys: [{ secret: 'rs-right', caller: { keyId: 'key_1', team: 'default' } }],
    });
  });
  afterAll(() => guarded.close());

  const headerForms = (secret: string): [string, Record<string, string>][] => [
    ['authorization', { authorization: `Bearer ${secret}` }],
    ['api-key', { 'api-key': secret }],
    ['x-api-key', { 'x-api-key': secret }],
  ];
  const clientWith = (headers: Record<string, string>) =>
    new OpenAI({
      baseURL: `${guarded.url}/v1`,
      apiKey: 'unused',
      maxRetries: 0,
      defaultHeaders: { authorization: null, ...headers },
    });

  test.each(headerForms('rs-right'))('the right key in %s is admitted, and never forwarded', async (_, headers) => {
    const { data, request_id } = await clientWith(headers)
      .chat.completions.create({ model: 'auto', messages: EASY })
      .withResponse();
    expect(data.choices[0]?.message.content).toBe(ANSWER);
    expect(JSON.stringify(small.last.headers)).not.toContain('rs-right');
    expect((await guarded.entries()).find(({ id }) => id === request_id)).toMatchObject({
      keyId: 'key_1',
      outcome: 'ok',
    });
    expect((await clientWith(headers).models.list()).data[0]?.id).toBe('auto');
  });

  test.each([['no header', {}] as [string, Record<string, string>], ...headerForms('rs-wrong')])(
    'a missing or wrong key (%s) is an AuthenticationError, is recorded, and reaches no upstream',
    async (_, headers) => {
      const other = clientWith(headers);
      const error = await failureOf(other.chat.completions.create({ model: 'auto', messages: EASY }));
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error).toMatchObject({ status: 401, code: 'invalid_api_key' });
      expect(error.message).not.toContain('rs-wrong');
      expect((await guarded.entries()).find(({ id }) => id === error.requestID)).toMatchObject({
        outcome: 'refused',
        status: 401,
        requestedModel: null,
      });
      expect(await failureOf(other.models.list())).toBeInstanceOf(AuthenticationError);
      expect(await failureOf(other.models.retrieve('auto'))).toBeInstanceOf(AuthenticationError);
      expect(small.calls).toEqual([]);
    },
  );
});

test('while an upstream thinks mid-stream, the client gets comment lines that it does not notice', async () => {
  const clock = new ManualClock(1_700_000_000_000);
  const quiet = await startGateway({
    routes: twoTierRoutes({ small: small.url, large: large.url }, { timeouts: { idle: '10m', total: '1h' } }),
    clock,
  });
  try {
    let goOn = () => {};
    small.always((call) => {
      call.open();
      call.role();
      call.say('The answer');
      goOn = () => {
        call.say(' is forty-two.');
        call.finish();
        call.done();
      };
    });
    const raw = await fetch(`${quiet.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'auto', messages: EASY, stream: true }),
    });
    const reader = raw.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const readUntil = async (part: string) => {
      while (!text.includes(part)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`the stream ended without ${part}: ${text}`);
        text += value;
      }
    };
    await readUntil('The answer');
    expect(text).not.toContain(': heartbeat');
    clock.advance(15_000);
    await readUntil(': heartbeat\n\n');
    text = '';
    clock.advance(14_999);
    goOn();
    await readUntil('[DONE]');
    expect(text).not.toContain(': heartbeat');

    // The same heartbeat, seen by the client that must not see it.
    const sdk = new OpenAI({ baseURL: `${quiet.url}/v1`, apiKey: 'x', maxRetries: 0 });
    const stream = await sdk.chat.completions.create({ model: 'auto', messages: EASY, stream: true });
    let answer = '';
    for await (const chunk of stream) {
      answer += chunk.choices[0]!.delta.content ?? '';
      if (answer === 'The answer') {
        clock.advance(15_000);
        goOn();
      }
    }
    expect(answer).toBe('The answer is forty-two.');
  } finally {
    await quiet.close();
  }
});
