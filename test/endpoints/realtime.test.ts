import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { AnyUpstream, sendJson } from '../support/any-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

let upstream: AnyUpstream;
let sockets: WebSocketServer;
let gateway: TestGateway;
const seen: { url: string; headers: Record<string, unknown> }[] = [];

beforeAll(async () => {
  upstream = await AnyUpstream.start((request) => sendJson(request, {}));
  sockets = new WebSocketServer({ server: upstream.server, handleProtocols: () => 'realtime' });
  sockets.on('connection', (socket, { url = '', headers }) => {
    seen.push({ url, headers });
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  gateway = await startGateway({
    routes: {
      version: 1,
      upstreams: { cloud: { kind: 'openai', url: upstream.url, apiKey: 'sk-up' } },
      tiers: [{ name: 'large', models: [{ upstream: 'cloud', model: 'gpt' }] }],
      models: [{ name: 'voice', upstream: 'cloud', model: 'gpt-realtime' }],
      routes: [{ name: 'default', match: { model: 'auto' }, tier: 'large' }],
    },
    keys: [{ secret: 'sk-right', caller: { keyId: 'key_a', team: 'default' } }],
  });
});
afterAll(async () => {
  await gateway.close();
  sockets.close();
  await upstream.close();
});

const open = (options: { key?: string; protocols?: string[]; path?: string; origin?: string } = {}) =>
  new WebSocket(
    `${gateway.url.replace('http', 'ws')}${options.path ?? '/v1/realtime?model=voice'}`,
    options.protocols ?? [],
    {
      headers:
        options.key === undefined ? {} : { authorization: `Bearer ${options.key}`, 'openai-beta': 'realtime=v1' },
      ...(options.origin && { origin: options.origin }),
    },
  );

const statusOf = async (socket: WebSocket): Promise<number | undefined> => {
  socket.on('error', () => {});
  const [, response] = await once(socket, 'unexpected-response');
  response.resume();
  return response.statusCode;
};

test('what is said passes both ways, under the upstream’s key and the model’s name there; the entry is written at the end', async () => {
  const before = (await gateway.entries()).length;
  const socket = open({ key: 'sk-right' });
  await once(socket, 'open');
  socket.send('hello');
  expect(String((await once(socket, 'message'))[0])).toBe('hello');
  const large = Buffer.alloc(1_000_000, 7);
  socket.send(large);
  expect((await once(socket, 'message'))[0]).toEqual(large);
  expect(seen.at(-1)).toMatchObject({
    url: '/v1/realtime?model=gpt-realtime',
    headers: { authorization: 'Bearer sk-up', 'openai-beta': 'realtime=v1' },
  });
  expect((await gateway.entries()).length).toBe(before);
  socket.close();
  await once(socket, 'close');
  expect((await gateway.untilEntries(before + 1)).at(-1)).toMatchObject({
    endpoint: '/v1/realtime',
    requestedModel: 'voice',
    upstream: 'cloud',
    outcome: 'ok',
    status: 101,
    costNanoUsd: null,
  });
});

test('a browser may bring its key as a subprotocol, which stays here', async () => {
  const socket = open({ protocols: ['realtime', 'openai-insecure-api-key.sk-right', 'openai-organization.org'] });
  await once(socket, 'open');
  expect(socket.protocol).toBe('realtime');
  expect(seen.at(-1)?.headers['sec-websocket-protocol']).toBe('realtime');
  socket.terminate();
  await until(() => sockets.clients.size === 0, 5_000, 'the end at the upstream');
});

test('no key, a wrong one, and other paths are refused with a status and an entry', async () => {
  const count = seen.length;
  expect(await statusOf(open())).toBe(401);
  expect(await statusOf(open({ key: 'sk-wrong' }))).toBe(401);
  expect(await statusOf(open({ key: 'sk-right', path: '/v1/chat/completions' }))).toBe(404);
  expect(seen).toHaveLength(count);
  expect((await gateway.entries()).at(-1)).toMatchObject({ outcome: 'refused', status: 404 });
});

test('an upstream that ends it ends it for the client, and closing the gateway ends all', async () => {
  const socket = open({ key: 'sk-right' });
  await once(socket, 'open');
  for (const client of sockets.clients) client.close(1001, 'going away');
  expect((await once(socket, 'close'))[0]).toBe(1001);
  const other = open({ key: 'sk-right' });
  await once(other, 'open');
  const closed = once(other, 'close');
  other.on('error', () => {});
  await gateway.app.close(0);
  await closed;
});
