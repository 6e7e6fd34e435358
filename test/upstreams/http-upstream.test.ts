import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseChatRequest } from '../../src/contract/chat-request.ts';
import { GatewayError } from '../../src/contract/errors.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { HttpUpstream, type HttpUpstreamOptions } from '../../src/upstreams/http-upstream.ts';
import { ANSWER, behaviours, FaultyUpstream, stallAfter } from '../support/faulty-upstream.ts';

let server: FaultyUpstream;
let upstream: HttpUpstream;

const connectTo = (overrides: Partial<HttpUpstreamOptions> = {}) =>
  new HttpUpstream({
    name: 'up',
    kind: 'openai',
    url: server.url,
    connections: 4,
    timeouts: { connect: 5_000, firstByte: 5_000, idle: 5_000, total: 10_000 },
    clock: systemClock,
    ...overrides,
  });

const callOf = (isStream: boolean, signal = new AbortController().signal) => ({
  model: 'm',
  request: parseChatRequest(
    Buffer.from(JSON.stringify({ model: 'auto', stream: isStream, messages: [{ role: 'user', content: 'hi' }] })),
  ),
  isStream,
  partition: 'team-a',
  session: 'conversation-1',
  signal,
});

const textOf = async (client: HttpUpstream): Promise<string> => {
  const answer = await client.chat(callOf(true));
  if (answer.kind === 'plain') throw new Error('expected a stream');
  let text = '';
  for await (const batch of answer.parts) for (const { chunk } of batch) text += chunk.choices[0]?.delta.content ?? '';
  return text;
};

beforeEach(async () => {
  server = await FaultyUpstream.start();
  upstream = connectTo();
});
afterEach(async () => {
  await upstream.close();
  await server.close();
});

test('the path, key and headers are those of the configuration', async () => {
  const configured = connectTo({
    url: `${server.url}/deep/?api-version=1`,
    apiKey: 'sk-1',
    headers: { 'x-team': 'a' },
  });
  await configured.chat(callOf(false));
  expect(server.last.path).toBe('/v1/deep/chat/completions?api-version=1');
  expect(server.last.headers).toMatchObject({
    authorization: 'Bearer sk-1',
    'x-team': 'a',
    accept: 'application/json',
    'content-type': 'application/json',
  });
  await configured.close();
  const azure = connectTo({ kind: 'azure', apiKey: 'sk-2' });
  await textOf(azure);
  expect(server.last.headers).toMatchObject({ 'api-key': 'sk-2', accept: 'text/event-stream' });
  expect(server.last.headers).not.toHaveProperty('authorization');
  await azure.close();
});

test('only a local host is told the tenant', async () => {
  await upstream.chat(callOf(false));
  expect(server.last.headers).not.toHaveProperty('x-rightsize-partition');
  const local = connectTo({ kind: 'llama' });
  await local.chat(callOf(false));
  expect(server.last.headers['x-rightsize-partition']).toBe('team-a');
  await local.close();
});

test('it speaks over a Unix socket', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rightsize-test-'));
  const socketPath = join(directory, 'host.sock');
  const host = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({ choices: [{ index: 0, message: { content: 'over a socket' }, finish_reason: 'stop' }] }),
    );
  }).listen(socketPath);
  await once(host, 'listening');
  const local = connectTo({ kind: 'llama', url: 'http://model-host/v1', socketPath });
  const answer = await local.chat(callOf(false));
  expect(answer.kind === 'plain' && answer.completion.choices[0]?.message.content).toBe('over a socket');
  await local.close();
  host.close();
  rmSync(directory, { recursive: true });
});

test('a connection whose stream was read to its end serves the next call', async () => {
  const ports = new Set<number | undefined>();
  server.always((call) => {
    ports.add(call.response.socket?.remotePort);
    return behaviours.good(call);
  });
  for (let call = 0; call < 20; call++) expect(await textOf(upstream)).toBe(ANSWER);
  // The last bytes after [DONE] are read while the next call already begins, so two connections may take turns.
  expect(ports.size).toBeLessThanOrEqual(2);
});

describe('a call that is given up', () => {
  test('before the headers closes its connection and throws the reason', async () => {
    server.always(behaviours['stall before headers']);
    const controller = new AbortController();
    const reason = new GatewayError('client_closed_request', 'left');
    const asked = upstream.chat(callOf(true, controller.signal));
    const call = await server.untilCalls(1);
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
    expect(await call.closed).toBe('cut');
  });

  test('in the middle closes its connection and throws the reason', async () => {
    server.always(stallAfter(2));
    const controller = new AbortController();
    const reason = new GatewayError('client_closed_request', 'left');
    const answer = await upstream.chat(callOf(true, controller.signal));
    if (answer.kind === 'plain') throw new Error('expected a stream');
    const reading = async () => {
      for await (const batch of answer.parts) {
        if (batch.some(({ chunk }) => chunk.choices[0]?.delta.content)) controller.abort(reason);
      }
    };
    await expect(reading()).rejects.toBe(reason);
    expect(await server.last.closed).toBe('cut');
  });

  test('by its reader alone closes its connection', async () => {
    server.always(stallAfter(2));
    const answer = await upstream.chat(callOf(true));
    if (answer.kind === 'plain') throw new Error('expected a stream');
    for await (const _ of answer.parts) break;
    expect(await server.last.closed).toBe('cut');
  });
});

test('close waits for the calls that run', async () => {
  let goOn = () => {};
  server.always((call) => {
    goOn = () => void behaviours.good(call);
  });
  const closing = connectTo();
  const reading = textOf(closing);
  await server.untilCalls(1);
  const closed = closing.close();
  goOn();
  expect(await reading).toBe(ANSWER);
  await closed;
});

describe('the error of an upstream', () => {
  const failWith = async (status: number, body: string, headers: Record<string, string> = {}) => {
    server.always((call) => {
      call.response.writeHead(status, { 'content-type': 'application/json', ...headers });
      call.response.end(body);
    });
    return upstream.chat(callOf(false)).catch((error: unknown) => error as GatewayError) as Promise<GatewayError>;
  };

  test.each([
    ['3', 3],
    ['0', 1],
    ['2.2', 3],
    ['3600', 30],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 1],
    ['soon', undefined],
  ])('with retry-after %s asks for %s seconds', async (retryAfter, seconds) => {
    expect(await failWith(429, '{}', { 'retry-after': retryAfter })).toMatchObject({
      code: 'upstream_rate_limited',
      retryAfterSeconds: seconds,
    });
  });

  test('with status 413 or 422 and an envelope is relayed as it is', async () => {
    for (const status of [413, 422]) {
      const body = `{"error":{"message":"no","status":${status}}}`;
      expect(await failWith(status, body)).toMatchObject({ status, isRetryable: false, relay: { status, body } });
    }
  });

  test('never carries a long text or the key to the client', async () => {
    const error = await failWith(500, JSON.stringify({ error: { message: 'x'.repeat(5_000) } }));
    expect(error.message.length).toBeLessThan(600);
    expect((await failWith(401, '{"error":{"message":"bad key sk-123"}}')).message).not.toContain('sk-123');
  });

  test('beyond 64 KiB is cut off', async () => {
    expect(await failWith(500, 'x'.repeat(200_000))).toMatchObject({
      code: 'upstream_invalid_response',
      isRetryable: true,
    });
  });
});

test('a parameter that this model lacks may be honoured by another; a wrong value may not', async () => {
  const refuse = (code: string) => {
    server.always((call) =>
      call.json({ error: { message: 'no', type: 'invalid_request_error', param: 'x', code } }, 400),
    );
    return upstream.chat(callOf(false)).then(
      () => 'answered',
      (error: GatewayError) => [error.code, error.isRetryable],
    );
  };
  expect(await refuse('unsupported_parameter')).toEqual(['upstream_refused', true]);
  expect(await refuse('unsupported_value')).toEqual(['upstream_refused', false]);
});
