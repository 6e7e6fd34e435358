import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { GUARDS } from '../../src/cache/question-facts.ts';
import { AnyUpstream, type SeenRequest, sendJson } from '../support/any-upstream.ts';
import { chat, post } from '../support/chat-client.ts';
import { ANSWER, FaultyUpstream, good, tools, type UpstreamCall } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { connectRedis } from '../support/redis-connection.ts';
import { RedisServer, vectorSetServers } from '../support/redis-server.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const KEY = { authorization: 'Bearer rs-one' };
const OTHER = { authorization: 'Bearer rs-two' };
const clock = new ManualClock(1_700_000_000_000);

/** Every question is at least 0.98 near to every other, as near-misses are for real models; only `far` texts are not. */
const vectorOf = (text: string): number[] =>
  text.startsWith('far') ? [0, 0, 3, 0] : [3, ((text.length % 7) / 7) * 0.3, 0, 0.1];
const embed = (request: SeenRequest) => {
  const inputs = request.json['input'] as string[];
  sendJson(request, {
    object: 'list',
    data: inputs.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text) })),
    usage: { prompt_tokens: 7 * inputs.length, total_tokens: 7 * inputs.length },
  });
};

let upstream: FaultyUpstream;
let embedder: AnyUpstream;
let gateway: TestGateway;
let random = 0.5;

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  embedder = await AnyUpstream.start(embed);
  gateway = await startGateway({ clock, routes: routesOf(), keys: KEYS, overrides: { random: () => random } });
});
const KEYS = [
  { secret: 'rs-one', caller: { keyId: 'key_1', team: 'one' } },
  { secret: 'rs-two', caller: { keyId: 'key_2', team: 'two' } },
  { secret: 'rs-limited', caller: { keyId: 'key_3', team: 'three', limits: { requestsPerMinute: 1 } } },
];
const routesOf = () => {
  const semantic = { embeddings: 'sentences', minSimilarity: 0.95 };
  const route = { cache: { ttl: '1h', semantic }, difficulty: undefined, tier: 'small', fallback: 'none' };
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url }, { route });
  const [first] = routes.routes;
  return {
    ...routes,
    upstreams: { ...routes.upstreams, vectors: { kind: 'openai-compatible', url: embedder.url } },
    models: [{ name: 'sentences', upstream: 'vectors', model: 'minilm', price: { input: 0.02 } }],
    routes: [
      { ...first, name: 'other', match: { model: 'other' } },
      {
        ...first,
        name: 'asked',
        match: { model: 'asked' },
        cache: { ttl: '1h', semantic: { ...semantic, verify: true, sureSimilarity: 1 } },
      },
      first,
    ],
  };
};
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  await embedder.close();
});
beforeEach(() => {
  // Whatever earlier tests left is too old now.
  clock.advance(2 * 3_600_000);
  random = 0.5;
  upstream.always(good);
  upstream.forget();
  embedder.handler = embed;
  embedder.seen.length = 0;
});

const ask = (
  question: string,
  {
    headers = KEY as Record<string, string>,
    ...body
  }: Record<string, unknown> & { headers?: Record<string, string> } = {},
) => chat(gateway.url, { messages: [{ role: 'user', content: question }], ...body }, headers);
/** A plain answer in other words than the upstream's usual ones. */
const sayInstead = (
  { response }: UpstreamCall,
  content: string,
  { logprobs = null, finish = 'stop' }: { logprobs?: unknown; finish?: string } = {},
) => {
  const choice = { index: 0, message: { role: 'assistant', content }, finish_reason: finish, logprobs };
  const usage = { prompt_tokens: 30, completion_tokens: 1, total_tokens: 31 };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({ id: 'x', object: 'chat.completion', created: 1, model: 'small-1', choices: [choice], usage }),
  );
};
const cacheOf = ({ headers }: { headers: Record<string, unknown> }) => headers['x-rightsize-cache'];
const entryOf = async (reply: { headers: Record<string, unknown> }) =>
  (await gateway.entries()).find(({ id }) => id === reply.headers['x-request-id']);
const say = (requestId: unknown, verdict: string, headers = KEY) =>
  post(gateway.url, { request_id: requestId, verdict }, headers, '/v1/rightsize/feedback');

test('a question in other words gets the stored answer, and the ledger says from where and why', async () => {
  const first = await ask('What is the capital of France?');
  expect(cacheOf(first)).toBe('miss');
  const again = await ask("Please tell me France's capital.");
  expect(again.headers).toMatchObject({
    'x-rightsize-cache': 'semantic',
    'x-rightsize-tier': 'small',
    'x-rightsize-upstream': 'up-small',
    'x-rightsize-attempts': '0',
  });
  expect(again.headers['x-rightsize-reason']).toMatch(/^semantic cache hit, similarity (0\.9|1\.0)\d+$/);
  expect(JSON.parse(again.text).choices[0].message.content).toBe(ANSWER);
  expect(upstream.calls).toHaveLength(1);
  const [stored, entry] = [await entryOf(first), await entryOf(again)];
  expect(entry).toMatchObject({
    cache: 'semantic',
    outcome: 'ok',
    tier: 'small',
    upstream: 'up-small',
    cacheEntry: { key: expect.stringMatching(/^[0-9a-f]{64}$/), ageMs: 0, guards: [...GUARDS] },
    attempts: [{ upstream: 'vectors', model: 'minilm', outcome: 'ok', isShown: false, costNanoUsd: 140 }],
    wasteNanoUsd: 0,
  });
  expect(entry?.cacheEntry?.similarity).toBeGreaterThan(0.95);
  // The answer costs nothing, its embedding does: 7 tokens at 0.02 USD for a million.
  expect(entry?.costNanoUsd).toBe(140);
  expect(entry?.savedNanoUsd).toBe((entry?.baselineNanoUsd ?? 0) - 140);
  expect(entry?.baselineNanoUsd).toBe(stored?.baselineNanoUsd);
  expect(entry?.baselineNanoUsd).toBeGreaterThan(0);
});

test('a stream gets it as a stream', async () => {
  await ask('Who wrote the novel Dune?');
  const again = await ask('Who is the author of the novel Dune?', { stream: true });
  expect(cacheOf(again)).toBe('semantic');
  expect(again.events.at(-1)).toBe('[DONE]');
});

test.each([
  ['What is 5 km in miles?', 'What is 6 km in miles?'],
  ['Is it safe to eat raw eggs?', 'Is it not safe to eat raw eggs?'],
  ['Is tea better than coffee?', 'Is coffee better than tea?'],
  ['What is the capital of France?', 'What is the capital of Spain?'],
])('however near, %s never answers %s', async (one, other) => {
  await ask(one);
  const reply = await ask(other);
  expect(cacheOf(reply)).toBe('miss');
  expect(upstream.calls).toHaveLength(2);
});

test('a question that is not near is not answered', async () => {
  await ask('What is the capital of France?');
  expect(cacheOf(await ask("far off: France's capital"))).toBe('miss');
});

test.each([
  ['another team', { headers: OTHER }],
  ['another route', { model: 'other' }],
  ['another sampling', { temperature: 0.3 }],
  ['another form of the answer', { response_format: { type: 'json_object' } }],
  ['tools', { tools: [{ type: 'function', function: { name: 'get_weather' } }] }],
])('%s keeps the answer apart', async (_, difference) => {
  await ask('How tall is Mount Everest?');
  expect(cacheOf(await ask('What is the height of Mount Everest?', difference))).toBe('miss');
  expect(cacheOf(await ask('What is the height of Mount Everest?'))).toBe('semantic');
});

test.each([
  ['system prompt', { role: 'system', content: 'Answer as a pirate.' }],
  ['earlier turn', { role: 'assistant', content: 'Hello.' }],
])('another %s keeps the answer apart', async (_, before) => {
  await ask('Why is the sky blue?');
  const messages = [before, { role: 'user', content: 'How come the sky is blue?' }];
  expect(cacheOf(await chat(gateway.url, { messages }, KEY))).toBe('miss');
});

test('tool calls, and answers that were cut off, are never served to another question', async () => {
  upstream.always(tools);
  const body = { tools: [{ type: 'function', function: { name: 'get_weather' } }] };
  await ask('How warm is it in Paris?', body);
  expect(embedder.seen).toHaveLength(0);
  expect(cacheOf(await ask('How warm is it in Paris ?', body))).toBe('miss');
  // A model may call what it was not offered.
  await ask('How warm is it in Rome?');
  upstream.always((call) => sayInstead(call, 'Rome is', { finish: 'length' }));
  expect(cacheOf(await ask('How warm is it in Rome ?'))).toBe('miss');
  upstream.always(good);
  expect(cacheOf(await ask('Tell me how warm it is in Rome.'))).toBe('miss');
  expect(cacheOf(await ask('Please tell me how warm it is in Rome.'))).toBe('semantic');
});

test('cache-control is obeyed', async () => {
  const with_ = (directive: string) => ({ headers: { ...KEY, 'cache-control': directive } });
  await ask('Who painted the Mona Lisa?', with_('no-store'));
  expect(cacheOf(await ask('Who is the painter of the Mona Lisa?', with_('no-store')))).toBe('miss');
  await ask('Who painted the Mona Lisa?');
  expect(cacheOf(await ask('Who is the painter of the Mona Lisa?', with_('no-cache')))).toBe('bypass');
  expect(cacheOf(await ask('Who was the painter of the Mona Lisa?', with_('no-store')))).toBe('miss');
  expect(cacheOf(await ask('Tell me, who painted the Mona Lisa?', with_('no-store')))).toBe('semantic');
  clock.advance(60_000);
  const other = 'Please tell me who painted the Mona Lisa?';
  expect(cacheOf(await ask(other, with_('max-age=30')))).toBe('miss');
  expect((await ask('Tell me who painted the Mona Lisa', with_('only-if-cached'))).status).toBe(200);
  expect((await ask('Tell me who painted the Night Watch', with_('only-if-cached'))).status).toBe(504);
});

test.each<[string, AnyUpstream['handler']]>([
  ['fails', (request) => sendJson(request, { error: { message: 'broken' } }, 500)],
  ['sends no vectors', (request) => sendJson(request, { data: [] })],
  ['sends no JSON', ({ response }) => response.end('<html>')],
  ['cuts the connection', ({ response }) => response.destroy()],
])('when the embedding model %s, the request is a miss like any other', async (_, handler) => {
  embedder.handler = handler;
  const reply = await ask('What is the boiling point of water?');
  expect([reply.status, cacheOf(reply)]).toEqual([200, 'miss']);
  expect(await entryOf(reply)).toMatchObject({ outcome: 'ok', tier: 'small', upstream: 'up-small' });
});

test('an embedding that does not come in time holds a request up for 300 ms at most', async () => {
  embedder.handler = () => {};
  const reply = ask('What is the melting point of iron?');
  await until(() => embedder.seen.length === 1, 5_000, 'the embedding asked for');
  clock.advance(300);
  expect(cacheOf(await reply)).toBe('miss');
});

test('bad feedback takes the entry out at once; that of another team changes nothing', async () => {
  await ask('Who invented the telephone?');
  const hit = await ask('Who is the inventor of the telephone?');
  const id = hit.headers['x-request-id'];
  expect(JSON.parse((await say(id, 'bad', OTHER)).text)).toMatchObject({ entry: 'none' });
  expect(JSON.parse((await say(id, 'good')).text)).toMatchObject({ entry: 'noted' });
  expect(cacheOf(await ask('Tell me who invented the telephone.'))).toBe('semantic');
  expect(JSON.parse((await say(id, 'bad')).text)).toMatchObject({ entry: 'removed', verdict: 'bad' });
  expect(cacheOf(await ask('Please tell me who invented the telephone.'))).toBe('miss');
  expect((await say(id, 'so-so')).status).toBe(400);
  expect((await post(gateway.url, { request_id: 'x', verdict: 'good' }, {}, '/v1/rightsize/feedback')).status).toBe(
    401,
  );
  expect(await entryOf(await say(id, 'good'))).toMatchObject({
    endpoint: '/v1/rightsize/feedback',
    team: 'one',
    outcome: 'ok',
    costNanoUsd: 0,
    reason: 'feedback good, entry none',
  });
});

test('feedback counts against the requests per minute of its team', async () => {
  const limited = { authorization: 'Bearer rs-limited' };
  const replies = [await say('req_x', 'good', limited), await say('req_x', 'good', limited)];
  expect(replies.map(({ status }) => status)).toEqual([200, 429]);
});

test('a check that finds another answer keeps the entry from being served', async () => {
  await ask('What is the speed of light?');
  random = 0.999;
  upstream.always((call) => sayInstead(call, 'far from 12 of it'));
  expect(cacheOf(await ask('Tell me what is the speed of light.'))).toBe('miss');
  random = 0.5;
  upstream.always(good);
  // The question that was asked for the check is an entry too, with the newer answer.
  const newer = await ask('Please tell me what is the speed of light?');
  expect(JSON.parse(newer.text).choices[0].message.content).toBe('far from 12 of it');
  await say(newer.headers['x-request-id'], 'bad');
  const { length } = upstream.calls;
  expect(cacheOf(await ask('Could you tell me what is the speed of light?'))).toBe('miss');
  expect(upstream.calls).toHaveLength(length + 1);
});

/** What the verifier says; other requests get the usual answer. */
const told = (token: string) => (call: UpstreamCall) => {
  if (call.body['logprobs'] !== true) return good(call);
  sayInstead(call, token, {
    logprobs: { content: [{ token, logprob: -0.01, top_logprobs: [{ token, logprob: -0.01 }] }] },
  });
};

test('the verifier decides what is not sure: yes serves, no and no answer do not', async () => {
  await ask('How do I sort a list in Python?', { model: 'asked' });
  upstream.always(told('no'));
  expect(cacheOf(await ask('In Python, how can I sort a list?', { model: 'asked' }))).toBe('miss');
  upstream.always((call) => (call.body['logprobs'] === true ? void call.response.destroy() : good(call)));
  expect(cacheOf(await ask('In Python, how can you sort a list?', { model: 'asked' }))).toBe('miss');
  upstream.always((call) => (call.body['logprobs'] === true ? sayInstead(call, 'Yes') : good(call)));
  expect(cacheOf(await ask('In Python, how do you sort a list?', { model: 'asked' }))).toBe('miss');
  upstream.always(told('Yes'));
  // Of another length than those before, so that its vector is another.
  const hit = await ask('How can I sort a list in Python?', { model: 'asked' });
  expect(cacheOf(hit)).toBe('semantic');
  expect((await entryOf(hit))?.attempts.map(({ upstream: name, isShown }) => [name, isShown])).toEqual([
    ['vectors', false],
    ['up-small', false],
  ]);
});

test('the verifier may overrule other words and another order, and nothing else', async () => {
  upstream.always(told('Yes'));
  await ask('How can I remove a stuck screw?', { model: 'asked' });
  const hit = await ask('How do I extract a jammed screw?', { model: 'asked' });
  expect(cacheOf(hit)).toBe('semantic');
  const agreed = GUARDS.filter((guard) => guard !== 'words' && guard !== 'order');
  expect((await entryOf(hit))?.cacheEntry?.guards).toEqual([...agreed, 'verifier']);
  expect(cacheOf(await ask('How can I remove two jammed screws?', { model: 'asked' }))).toBe('miss');
  expect(cacheOf(await ask('How can I not remove a jammed screw?', { model: 'asked' }))).toBe('miss');
  // Without a verifier they decide.
  await ask('How can I remove a stuck screw?');
  expect(cacheOf(await ask('How do I extract a jammed screw?'))).toBe('miss');
});

test('identical requests at one time follow one search', async () => {
  await ask('What is the meaning of life?');
  const replies = await Promise.all([1, 2, 3].map(() => ask('Tell me what is the meaning of life')));
  expect(embedder.seen).toHaveLength(2);
  expect(replies.map(cacheOf)).toEqual(['semantic', 'semantic', 'semantic']);
  expect(upstream.calls).toHaveLength(1);
});

test('what became of searches is in the metrics', async () => {
  const text = await (await fetch(`${gateway.url}/metrics`, { headers: KEY })).text();
  expect(text).toMatch(/rightsize_semantic_cache_total\{route="default",outcome="hit"\} [1-9]/);
  expect(text).toMatch(/rightsize_semantic_cache_total\{route="default",outcome="guard-numbers"\} [1-9]/);
});

describe.each(vectorSetServers())('two gateways that share %s', (program) => {
  test('find each other’s questions, never those of another team, and feedback reaches both', async () => {
    const server = await RedisServer.start({ program });
    onTestFinished(() => server.close());
    const connections = [await connectRedis(server.url), await connectRedis(server.url)];
    const start = (index: number) =>
      startGateway({
        clock,
        routes: routesOf(),
        keys: KEYS,
        redis: connections[index]!,
        overrides: { random: () => random },
      });
    const [one, two] = [await start(0), await start(1)];
    const askAt = (at: TestGateway, content: string, headers = KEY) =>
      chat(at.url, { messages: [{ role: 'user', content }] }, headers);
    expect(cacheOf(await askAt(one, 'What is the capital of France?'))).toBe('miss');
    const hit = await askAt(two, "Please tell me France's capital.");
    expect(cacheOf(hit)).toBe('semantic');
    expect(cacheOf(await askAt(two, "Tell me France's capital, please.", OTHER))).toBe('miss');
    const body = { request_id: hit.headers['x-request-id'], verdict: 'bad' };
    const said = await post(one.url, body, KEY, '/v1/rightsize/feedback');
    expect(JSON.parse(said.text)).toMatchObject({ entry: 'removed' });
    expect(cacheOf(await askAt(two, 'Please tell me the capital of France.'))).toBe('miss');
    await server.kill();
    expect((await askAt(one, 'What is the capital of Spain?')).status).toBe(200);
    for (const each of [one, two, ...connections]) await each.close();
  });
});
