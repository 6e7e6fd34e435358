import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { GatewayError } from '../../src/contract/errors.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { MemoryResponseStore } from '../../src/responses/memory-response-store.ts';
import type { StoredResponse } from '../../src/responses/response-store.ts';
import { post } from '../support/chat-client.ts';
import { ANSWER, behaviours, FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startGateway, type TestGateway, type TestGatewayOptions, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

let upstream: FaultyUpstream;
let gateway: TestGateway;
const store = new MemoryResponseStore(systemClock);
const keys = ['one', 'two'].map((team) => ({ secret: `rs-${team}`, caller: { keyId: `key_${team}`, team } }));
const start = (more: Partial<TestGatewayOptions> = {}) => {
  const route = { difficulty: undefined, tier: 'small', fallback: 'none' };
  return startGateway({
    routes: twoTierRoutes({ small: upstream.url, large: upstream.url }, { route }),
    keys,
    responses: store,
    ...more,
  });
};
beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  gateway = await start();
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
beforeEach(() => {
  upstream.always(good);
  upstream.forget();
});

const client = (team = 'one') => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: `rs-${team}`, maxRetries: 0 });
const begin = (more: object = {}) =>
  client().responses.create({ model: 'auto', input: 'Hello', background: true, ...more } as never) as Promise<
    OpenAI.Responses.Response & { _request_id: string }
  >;
const BODY = { model: 'auto', input: 'Hello', background: true };
/** One that keeps nothing until it is told to. */
class SlowStore extends MemoryResponseStore {
  readonly #gate = Promise.withResolvers<void>();
  release = this.#gate.resolve;
  override async put(response: StoredResponse) {
    await this.#gate.promise;
    await super.put(response);
  }
}
/** As one in Redis that cannot be reached for a while. */
class LeavingStore extends MemoryResponseStore {
  isAway = false;
  reads = 0;
  override async put(response: StoredResponse) {
    if (this.isAway) throw new GatewayError('response_store_unavailable', 'It is away.');
    await super.put(response);
  }
  override async get(team: string, id: string) {
    this.reads++;
    if (this.isAway) throw new GatewayError('response_store_unavailable', 'It is away.');
    return super.get(team, id);
  }
}
const untilOver = (id: string) =>
  until(async () => {
    const response = await client().responses.retrieve(id);
    return response.status === 'in_progress' ? null : response;
  });
test('a client is told an id at once, and finds the response under it when it is there', async () => {
  const release = upstream.gate();
  const { id, status, background, output, _request_id } = await begin({ metadata: { app: 'night' } });
  expect([status, background, output]).toEqual(['in_progress', true, []]);
  expect((await client().responses.retrieve(id)).status).toBe('in_progress');
  release();
  const response = await untilOver(id);
  expect(response).toMatchObject({ id, status: 'completed', background: true, output_text: ANSWER });
  expect(response.usage?.output_tokens).toBe(upstream.produced.completionTokens);
  const entries = (await gateway.entries()).filter((entry) => entry.id === _request_id);
  expect(entries).toMatchObject([{ outcome: 'ok', team: 'one', tags: { app: 'night' }, endpoint: '/v1/responses' }]);
  const items = await client().responses.inputItems.list(id);
  expect(items.data).toMatchObject([{ role: 'user', content: [{ text: 'Hello' }] }]);
  expect(await client().responses.create({ model: 'auto', input: 'And?', previous_response_id: id })).toMatchObject({
    status: 'completed',
  });
});

test('it goes on when its client leaves', async () => {
  const release = upstream.gate();
  const { id } = await begin();
  release();
  expect((await untilOver(id)).status).toBe('completed');
});

test('a refusal is told at once, and nothing is left of it', async () => {
  await expect(begin({ model: 'nobody/knows' })).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  expect(upstream.calls).toHaveLength(0);
});

test('a failure is found in the response', async () => {
  const release = upstream.gate(behaviours['envelope 500']);
  const { id, _request_id } = await begin();
  release();
  expect(await untilOver(id)).toMatchObject({ status: 'failed', error: { code: 'server_error' } });
  expect((await gateway.entries()).find((entry) => entry.id === _request_id)).toMatchObject({ outcome: 'error' });
});

test('cancelling ends the call, and is said again when it is asked again', async () => {
  upstream.gate();
  const { id, _request_id } = await begin();
  await upstream.untilCalls(1);
  expect(await client().responses.cancel(id)).toMatchObject({ id, status: 'cancelled', output: [] });
  expect(await upstream.last.closed).toBe('cut');
  expect(await client().responses.cancel(id)).toMatchObject({ status: 'cancelled' });
  expect((await gateway.entries()).find((entry) => entry.id === _request_id)).toMatchObject({ outcome: 'aborted' });
});

test('deleting one that is being made ends the call, and nothing of it comes back', async () => {
  upstream.gate();
  const { id } = await begin();
  await upstream.untilCalls(1);
  await client().responses.delete(id);
  await upstream.untilIdle();
  await expect(client().responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
});

test('another team finds nothing and cancels nothing', async () => {
  const release = upstream.gate();
  const { id } = await begin();
  await expect(client('two').responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
  await expect(client('two').responses.cancel(id)).rejects.toMatchObject({ status: 404 });
  release();
  expect((await untilOver(id)).status).toBe('completed');
});

test('a team has at most sixteen under way', async () => {
  const release = upstream.gate();
  const begun = await Promise.all(Array.from({ length: 16 }, () => begin()));
  await expect(begin()).rejects.toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
  release();
  for (const { id } of begun) expect((await untilOver(id)).status).toBe('completed');
});

test('of many that a team asks for at once, sixteen begin, however slow the store is', async () => {
  const slow = new SlowStore(systemClock);
  const own = await start({ responses: slow });
  const ask = () => post(own.url, BODY, { authorization: 'Bearer rs-one' }, '/v1/responses');
  const asked = Array.from({ length: 24 }, ask);
  const refused = await until(async () => {
    const entries = await own.entries();
    return entries.length >= 8 ? entries : null;
  });
  slow.release();
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(16);
  expect(refused.map(({ errorCode }) => errorCode)).toEqual(Array(8).fill('rate_limit_exceeded'));
  await own.close();
});

test('while responses cannot be stored none begins, and the client hears why', async () => {
  const broken = new LeavingStore(systemClock);
  broken.isAway = true;
  const own = await start({ responses: broken });
  const reply = await post(own.url, BODY, { authorization: 'Bearer rs-one' }, '/v1/responses');
  expect(reply.status).toBe(503);
  expect(JSON.parse(reply.text).error.code).toBe('response_store_unavailable');
  const entries = await own.untilEntries(1);
  expect(entries).toMatchObject([{ team: 'one', errorCode: 'response_store_unavailable', attempts: [] }]);
  await own.close();
});

test.each([
  { background: false, headers: {} as Record<string, string> },
  { background: true, headers: {} },
  { background: true, headers: { 'idempotency-key': 'k' } },
])('whoever asks is looked up once: %j', async ({ background, headers }) => {
  const lookUps: string[] = [];
  const findByDigest = async (digest: string) => {
    lookUps.push(digest);
    return lookUps.length === 1 ? keys[0]!.caller : null;
  };
  const own = await start({ overrides: { keys: { isKeyRequired: () => true, findByDigest } } });
  const ask = () => post(own.url, { ...BODY, background }, { authorization: 'Bearer rs', ...headers }, '/v1/responses');
  expect((await ask()).status).toBe(200);
  expect(lookUps).toHaveLength(1);
  expect((await ask()).status).toBe(401);
  expect(lookUps).toHaveLength(2);
  await own.close();
});

test('an idempotency key gives one response, however often it is asked for', async () => {
  const release = upstream.gate();
  const headers = { authorization: 'Bearer rs-one', 'idempotency-key': 'once' };
  const ask = () => post(gateway.url, { model: 'auto', input: 'Hello', background: true }, headers, '/v1/responses');
  const first = await ask();
  expect((await ask()).text).toBe(first.text);
  release();
  expect((await untilOver(JSON.parse(first.text).id)).status).toBe('completed');
  expect(upstream.calls).toHaveLength(1);
});

test('what was under way when the gateway stopped has failed', async () => {
  upstream.gate();
  const { id } = await begin();
  await gateway.close();
  gateway = await start();
  expect(await client().responses.retrieve(id)).toMatchObject({ status: 'failed', error: { code: 'server_error' } });
});

test('what was under way when the gateway was killed has failed', async () => {
  const id = 'resp_lost';
  const response = JSON.stringify({ id, object: 'response', status: 'in_progress', background: true, output: [] });
  // Nobody has said for a while that it is being made.
  const now = Date.now() - 60_000;
  await store.put({
    ...{ id, team: 'one', createdAt: now, expiresAt: Date.now() + 60_000, previousId: null },
    ...{ response, input: '[]', home: null, session: null },
  });
  const found = await client().responses.retrieve(id);
  expect(found).toMatchObject({ status: 'failed', error: { code: 'server_error' } });
});

test('gateways that share the store tell and cancel what another of them makes', async () => {
  const clock = new ManualClock(Date.now());
  const responses = new MemoryResponseStore(clock);
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url });
  const [one, two] = await Promise.all([0, 1].map(() => startGateway({ routes, keys, responses, clock })));
  const at = (each: TestGateway) => new OpenAI({ baseURL: `${each.url}/v1`, apiKey: 'rs-one', maxRetries: 0 });
  upstream.gate();
  const asked = at(one!).responses.create({ model: 'auto', input: 'Hello', background: true });
  await upstream.untilCalls(1);
  clock.advance(100);
  const { id, created_at } = await asked;
  // It is still being made, however long that takes.
  for (let second = 0; second < 60; second += 10) {
    clock.advance(10_000);
    expect(await at(two!).responses.retrieve(id)).toMatchObject({ status: 'in_progress', created_at });
  }
  expect((await at(two!).responses.cancel(id)).status).toBe('cancelled');
  clock.advance(10_000);
  expect(await upstream.last.closed).toBe('cut');
  await until(async () => (await one!.entries()).length === 1);
  expect((await at(one!).responses.retrieve(id)).status).toBe('cancelled');
  await Promise.all([one!.close(), two!.close()]);
});

test('a response whose store is away for a moment goes on, and its time stays the one its client was told', async () => {
  const clock = new ManualClock(1_700_000_000_000);
  const responses = new LeavingStore(clock);
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url });
  const [one, two] = await Promise.all([0, 1].map(() => startGateway({ routes, keys, responses, clock })));
  const at = (each: TestGateway) => new OpenAI({ baseURL: `${each.url}/v1`, apiKey: 'rs-one', maxRetries: 0 });
  const release = upstream.gate();
  const asked = at(one!).responses.create({ model: 'auto', input: 'Hello', background: true });
  await upstream.untilCalls(1);
  clock.advance(100);
  const { id, created_at } = await asked;
  responses.isAway = true;
  clock.advance(10_000);
  await until(() => responses.reads > 0);
  responses.isAway = false;
  for (let second = 10; second < 60; second += 10) {
    clock.advance(10_000);
    expect(await at(two!).responses.retrieve(id)).toMatchObject({ status: 'in_progress' });
  }
  release();
  const response = await until(async () => {
    const found = await at(two!).responses.retrieve(id);
    return found.status === 'in_progress' ? null : found;
  });
  expect(response).toMatchObject({ status: 'completed', created_at });
  await Promise.all([one!.close(), two!.close()]);
});
