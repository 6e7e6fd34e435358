import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import OpenAI, { PermissionDeniedError, toFile } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AnyUpstream, type SeenRequest, sendJson } from '../support/any-upstream.ts';
import { post } from '../support/chat-client.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

let cloud: AnyUpstream;
let other: AnyUpstream;
let gateway: TestGateway;

const ok = (request: SeenRequest) => sendJson(request, { object: 'thing' });

beforeAll(async () => {
  cloud = await AnyUpstream.start(ok);
  other = await AnyUpstream.start(ok);
  gateway = await startGateway({
    routes: {
      version: 1,
      upstreams: {
        local: { kind: 'ollama', url: other.url },
        cloud: { kind: 'openai', url: cloud.url, apiKey: 'sk-upstream', timeouts: { total: '20s', idle: '2s' } },
        other: { kind: 'openai-compatible', url: other.url },
      },
      tiers: [{ name: 'small', models: [{ upstream: 'local', model: 'chat' }] }],
      models: [{ name: 'painter', upstream: 'other', model: 'flux', price: { input: 5, output: 40 } }],
      routes: [{ name: 'default', match: { model: 'auto' }, tier: 'small' }],
      teams: { bound: { routes: ['default'] }, bounded: { limits: { requestsPerMinute: 1 } } },
    },
    keys: [
      { secret: 'sk-a', caller: { keyId: 'key_a', team: 'default' } },
      { secret: 'sk-b', caller: { keyId: 'key_b', team: 'second' } },
      { secret: 'sk-c', caller: { keyId: 'key_c', team: 'bound' } },
      { secret: 'sk-d', caller: { keyId: 'key_d', team: 'bounded' } },
    ],
  });
});
afterAll(async () => {
  await gateway.close();
  await cloud.close();
  await other.close();
});
beforeEach(() => {
  cloud.handler = ok;
  other.handler = ok;
  cloud.seen.length = 0;
  other.seen.length = 0;
});

const client = (apiKey = 'sk-a') => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });
const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(gateway.url + path, { method, headers: { authorization: 'Bearer sk-a', ...headers } });
const send = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  post(gateway.url, body, { authorization: 'Bearer sk-a', ...headers }, path);
const lastEntry = async () => (await gateway.entries()).at(-1)!;

describe('official clients', () => {
  test('make an image, with its usage in the ledger and a price nobody set unknown', async () => {
    cloud.handler = (request) =>
      sendJson(request, {
        created: 1,
        data: [{ b64_json: 'AAAA' }],
        usage: { input_tokens: 10, output_tokens: 20, total_tokens: 30 },
      });
    const image = await client().images.generate({ model: 'gpt-image-1', prompt: 'a cat' });
    expect(image.data?.[0]?.b64_json).toBe('AAAA');
    expect(cloud.last).toMatchObject({ method: 'POST', path: '/v1/images/generations' });
    expect(cloud.last.headers.authorization).toBe('Bearer sk-upstream');
    expect(await lastEntry()).toMatchObject({
      endpoint: '/v1/images/generations',
      requestedModel: 'gpt-image-1',
      upstream: 'cloud',
      model: 'gpt-image-1',
      tokens: { promptTokens: 10, completionTokens: 20 },
      costNanoUsd: null,
      outcome: 'ok',
    });
  });

  test('use a model of `models` at its upstream, under its name there and at its price', async () => {
    other.handler = (request) => sendJson(request, { data: [], usage: { input_tokens: 10, output_tokens: 20 } });
    await client().images.generate({ model: 'painter', prompt: 'a cat' });
    expect(other.last.json).toEqual({ model: 'flux', prompt: 'a cat' });
    expect(await lastEntry()).toMatchObject({ upstream: 'other', model: 'flux', costNanoUsd: 850_000 });
  });

  test('upload a file in parts and get it back byte for byte', async () => {
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 256));
    cloud.handler = (request) => sendJson(request, { id: 'file-1', object: 'file', bytes: request.bytes.length });
    await client().files.create({ file: await toFile(content, 'a.bin'), purpose: 'user_data' });
    expect(cloud.last.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(cloud.last.bytes.includes(content)).toBe(true);
    expect(await lastEntry()).toMatchObject({ endpoint: '/v1/files', costNanoUsd: null });

    cloud.handler = ({ response }) =>
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(content);
    const back = await client().files.content('file-1');
    expect(Buffer.from(await back.arrayBuffer()).equals(content)).toBe(true);
    expect(cloud.last).toMatchObject({ method: 'GET', path: '/v1/files/file-1/content' });
    expect(await lastEntry()).toMatchObject({ endpoint: '/v1/files', costNanoUsd: 0, outcome: 'ok' });
  });

  test('transcribe, moderate, list with a query, delete', async () => {
    cloud.handler = (request) => sendJson(request, { text: 'hello', id: 'x', data: [], results: [] });
    const file = await toFile(Buffer.from('RIFF'), 'a.wav');
    expect((await client().audio.transcriptions.create({ model: 'whisper-1', file })).text).toBe('hello');
    await client().moderations.create({ input: 'x' });
    await client().files.list({ limit: 3, after: 'file-0' });
    expect(cloud.last.path).toBe('/v1/files?limit=3&after=file-0');
    await client().batches.cancel('batch_1');
    await client().files.delete('file-1');
    expect(cloud.seen.map(({ method, path }) => `${method} ${path.split('?')[0]}`)).toEqual([
      'POST /v1/audio/transcriptions',
      'POST /v1/moderations',
      'GET /v1/files',
      'POST /v1/batches/batch_1/cancel',
      'DELETE /v1/files/file-1',
    ]);
  });
});

describe('bytes pass as they come', () => {
  test('an answer leaves piece by piece, and its usage is read from the events that pass', async () => {
    let goOn = () => {};
    cloud.handler = async ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: transcript.text.delta\ndata: {"type":"transcript.text.delta","delta":"he"}\n\n');
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      response.end(
        'event: done\ndata: {"type":"done","usage":{"input_tokens":4,"output_tokens":2,"total_tokens":6}}\n\n',
      );
    };
    const reply = await get('/v1/audio/transcriptions', {}, 'POST');
    const reader = reply.body!.getReader();
    const first = new TextDecoder().decode((await reader.read()).value);
    expect(first).toContain('"delta":"he"');
    goOn();
    let rest = '';
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      rest += new TextDecoder().decode(piece.value);
    }
    expect(rest).toContain('"usage"');
    expect(await lastEntry()).toMatchObject({ tokens: { promptTokens: 4, completionTokens: 2 } });
  });

  test('a body goes on while it still comes', async () => {
    const arrived: string[] = [];
    cloud.server.prependOnceListener('request', (request) => {
      request.on('data', (piece: Buffer) => arrived.push(piece.toString()));
    });
    const { port } = new URL(gateway.url);
    const upload = httpRequest({
      port,
      path: '/v1/files',
      method: 'POST',
      headers: { authorization: 'Bearer sk-a', 'content-type': 'text/plain' },
    });
    upload.write('first');
    await until(() => arrived.join('') === 'first', 5_000, 'the first piece at the upstream');
    upload.end(' second');
    const [response] = await once(upload, 'response');
    response.resume();
    expect(cloud.last.bytes.toString()).toBe('first second');
  });

  test('an answer that the client does not read waits at the upstream', async () => {
    const piece = Buffer.alloc(256 * 1024);
    const LIMIT = 400;
    let written = 0;
    cloud.handler = async ({ response }) => {
      const closed = once(response, 'close');
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      for (; written < LIMIT && !response.destroyed; written++) {
        if (!response.write(piece)) await Promise.race([once(response, 'drain'), closed]);
      }
      response.end();
    };
    const { port } = new URL(gateway.url);
    const download = httpRequest({
      port,
      path: '/v1/files/f/content',
      headers: { authorization: 'Bearer sk-a' },
    }).end();
    const [response] = await once(download, 'response');
    response.pause();
    let before = -1;
    await until(
      async () => {
        const isStill = written === before;
        before = written;
        await new Promise((resolve) => setImmediate(resolve));
        return isStill && written > 0 && (await settled());
      },
      5_000,
      'a standstill',
    );
    expect(written).toBeLessThan(LIMIT);
    download.destroy();
    await until(() => cloud.last.isClosed, 5_000, 'the end of the download');
  });

  test('a client that leaves ends the call, and the entry says so', async () => {
    cloud.handler = ({ response }) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg' });
      response.write('beginning');
    };
    const leave = new AbortController();
    const before = (await gateway.entries()).length;
    const reply = await fetch(`${gateway.url}/v1/audio/speech`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-a', 'content-type': 'application/json' },
      body: '{"model":"tts-1","input":"x","voice":"alloy"}',
      signal: leave.signal,
    });
    await reply.body!.getReader().read();
    leave.abort();
    await until(() => cloud.last.isClosed, 5_000, 'the end of the call');
    expect((await gateway.untilEntries(before + 1)).at(-1)).toMatchObject({
      outcome: 'aborted',
      endpoint: '/v1/audio/speech',
    });
  });

  test('an answer that breaks off is cut off for the client too, and never looks whole', async () => {
    cloud.handler = ({ response }) => {
      response.writeHead(200, { 'content-type': 'audio/mpeg' });
      response.write('beginning', () => response.destroy());
    };
    const reply = await get('/v1/audio/speech', {}, 'POST');
    await expect(reply.arrayBuffer()).rejects.toThrow();
    expect(await lastEntry()).toMatchObject({ outcome: 'error', errorCode: 'upstream_interrupted' });
  });
});

describe('headers', () => {
  test("the client's key, cookies, connection and accounts stay here; what describes the request goes on", async () => {
    await send('/v1/images/edits', '{}', {
      authorization: 'Bearer sk-a',
      cookie: 'a=b',
      'openai-organization': 'org-client',
      'x-rightsize-tier': 'small',
      'x-forwarded-for': '1.2.3.4',
      'openai-beta': 'assistants=v2',
      'idempotency-key': 'once',
    });
    const { headers } = cloud.last;
    expect(headers).toMatchObject({
      authorization: 'Bearer sk-upstream',
      'openai-beta': 'assistants=v2',
      'idempotency-key': 'once',
    });
    for (const name of ['cookie', 'openai-organization', 'x-rightsize-tier', 'x-forwarded-for']) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  test("the upstream's cookies, organization, limits and permissions stay here; the rest comes back", async () => {
    cloud.handler = ({ response }) =>
      response
        .writeHead(201, {
          'content-type': 'application/json; charset=utf-8',
          'set-cookie': 'a=b',
          'openai-organization': 'org-ours',
          'x-ratelimit-remaining-requests': '7',
          'access-control-allow-origin': '*',
          'x-request-id': 'req_theirs',
          'openai-processing-ms': '12',
          connection: 'x-hop, keep-alive',
          'x-hop': '1',
        })
        .end('{}');
    const { status, headers } = await get('/v1/files');
    expect(status).toBe(201);
    expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-z]{26}$/);
    expect(headers.get('x-upstream-request-id')).toBe('req_theirs');
    expect(headers.get('openai-processing-ms')).toBe('12');
    expect(headers.get('x-rightsize-upstream')).toBe('cloud');
    for (const name of [
      'set-cookie',
      'openai-organization',
      'x-ratelimit-remaining-requests',
      'access-control-allow-origin',
      'x-hop',
    ]) {
      expect([name, headers.get(name)]).toEqual([name, null]);
    }
  });
});

describe('who may go where', () => {
  test('what is kept in the account is for the teams that are named; what is not kept, for every team that may name models', async () => {
    await expect(client('sk-b').files.list()).rejects.toThrow(PermissionDeniedError);
    expect(cloud.seen).toHaveLength(0);
    await client('sk-b').moderations.create({ input: 'x' });
    expect(cloud.seen).toHaveLength(1);
    await expect(client('sk-c').moderations.create({ input: 'x' })).rejects.toThrow(PermissionDeniedError);
    await client('sk-c').images.generate({ model: 'painter', prompt: 'x' });
    expect((await get('/v1/files', { authorization: 'Bearer sk-nobody' })).status).toBe(401);
    expect(await lastEntry()).toMatchObject({ outcome: 'refused', status: 401 });
  });

  test('limits of the team hold', async () => {
    const headers = { authorization: 'Bearer sk-d' };
    expect((await send('/v1/moderations', '{}', headers)).status).toBe(200);
    expect((await send('/v1/moderations', '{}', headers)).status).toBe(429);
  });

  test('x-rightsize-upstream names another upstream', async () => {
    expect((await get('/v1/files', { 'x-rightsize-upstream': 'other' })).status).toBe(200);
    expect(other.seen).toHaveLength(1);
    const unknown = await get('/v1/files', { 'x-rightsize-upstream': 'nobody' });
    expect([unknown.status, await unknown.json()]).toMatchObject([400, { error: { code: 'invalid_value' } }]);
  });

  test.each([
    '/v1/organization/admin_api_keys',
    '/v1/files/..%2f..%2forganization/users',
    '/v1/files/%2e%2e/organization/users',
    '/v1/%2e%2e/organization/users',
    '/v1/files/a%00b',
    '/v1/Files%5cx',
  ])('%s is a 404 in the envelope, and never leaves', async (path) => {
    const { hostname, port } = new URL(gateway.url);
    const sent = httpRequest({ hostname, port, path, headers: { authorization: 'Bearer sk-a' } }).end();
    const [response] = await once(sent, 'response');
    let text = '';
    for await (const piece of response) text += piece;
    expect([response.statusCode, JSON.parse(text)]).toMatchObject([404, { error: { code: 'not_found' } }]);
    expect(cloud.seen).toHaveLength(0);
  });

  test('without an upstream for them, other paths are a 404 in the envelope that says what to set', async () => {
    const alone = await startGateway({
      routes: {
        version: 1,
        upstreams: { local: { kind: 'ollama', url: other.url } },
        tiers: [{ name: 'small', models: [{ upstream: 'local', model: 'chat' }] }],
        routes: [{ name: 'default', tier: 'small' }],
      },
    });
    try {
      const reply = await fetch(`${alone.url}/v1/images/generations`, { method: 'POST', body: '{}' });
      expect(reply.status).toBe(404);
      expect(await reply.json()).toMatchObject({
        error: { code: 'not_found', message: expect.stringContaining('passThrough') },
      });
    } finally {
      await alone.close();
    }
  });
});

describe('errors of the upstream', () => {
  test.each([400, 404, 409, 422, 429, 500])('%s in JSON is relayed word for word', async (status) => {
    const body = { error: { message: 'said so', type: 'x', param: null, code: 'y' } };
    cloud.handler = (request) => sendJson(request, body, status);
    const reply = await send('/v1/moderations', '{}');
    expect([reply.status, JSON.parse(reply.text)]).toEqual([status, body]);
    expect(await lastEntry()).toMatchObject({ outcome: 'error', status, costNanoUsd: 0 });
  });

  test.each([
    [401, 502, 'upstream_rejected_key'],
    [403, 502, 'upstream_rejected_key'],
  ])("%s is about the gateway's own key: %s %s", async (status, seen, code) => {
    cloud.handler = (request) => sendJson(request, { error: { message: 'Incorrect API key: sk-upstream' } }, status);
    const reply = await send('/v1/moderations', '{}');
    expect([reply.status, JSON.parse(reply.text).error.code]).toEqual([seen, code]);
    expect(reply.text).not.toContain('sk-upstream');
  });

  test.each([
    [404, 404],
    [413, 413],
    [503, 502],
  ])('%s in HTML becomes an envelope', async (status, seen) => {
    cloud.handler = ({ response }) => response.writeHead(status, { 'content-type': 'text/html' }).end('<html>');
    const reply = await send('/v1/moderations', '{}');
    expect(reply.status).toBe(seen);
    expect(JSON.parse(reply.text)).toHaveProperty('error.message');
  });
});

/** A turn of the event loop in which sockets were looked at. */
const settled = async (): Promise<boolean> => {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  return true;
};
