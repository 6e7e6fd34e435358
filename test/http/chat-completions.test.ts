import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chat, parseStream, post, readAnswer } from '../support/chat-client.ts';
import { ANSWER, ANSWER_PIECES, FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const MAX_BODY_BYTES = 64 * 1024;

let upstream: FaultyUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  gateway = await startGateway({
    routes: twoTierRoutes({ small: upstream.url, large: upstream.url }),
    maxBodyBytes: MAX_BODY_BYTES,
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});
beforeEach(() => {
  upstream.always(good);
  upstream.forget();
});

const envelopeOf = (text: string) => (JSON.parse(text) as { error: Record<string, unknown> }).error;

const lastEntry = async () => (await gateway.entries()).at(-1);

describe('what the upstream is sent', () => {
  test('is what the client wrote, byte for byte, but for the model', async () => {
    const body =
      '{ "zeta":1,\n\t"messages":[{"content":"né ☃ \\u00e9 \\/ What is 2+2?","role":"user","cache_control":{"ttl":"1h"}}],' +
      '"model" : "auto", "seed":9007199254740993,"big":123456789012345678901234567890, "exact":0.10000000000000000000001,' +
      '"e":1E400,"provider":{"order":["a","b"],"a":{"model":"auto","stream":true}},"dup":1,"dup":2, "empty":{},"n":null }';
    const reply = await post(gateway.url, body);
    expect(reply.status).toBe(200);
    const sent = upstream.last.bytes.toString('utf8');
    const withoutModel = (text: string) =>
      text.replace(/"model"\s*:\s*"(auto|small-1)"/, '').replace(/\s*([,{}])\s*/g, '$1');
    expect(sent).toContain('"model":"small-1"');
    // Every member but `model` stands as it was written; only the space around the members is ours.
    expect(withoutModel(sent)).toBe(withoutModel(body));
    for (const exact of ['9007199254740993', '123456789012345678901234567890', '0.10000000000000000000001', '1E400']) {
      expect(sent).toContain(exact);
    }
    expect(sent).toContain('"content":"né ☃ \\u00e9 \\/ What is 2+2?"');
    expect(sent).toContain('"provider":{"order":["a","b"],"a":{"model":"auto","stream":true}}');
  });

  test('asks for usage on a stream and keeps the other stream options', async () => {
    await chat(gateway.url, { stream: true, stream_options: { include_obfuscation: false } });
    expect(upstream.last.body.stream_options).toEqual({ include_obfuscation: false, include_usage: true });
    await chat(gateway.url);
    expect(upstream.last.body).not.toHaveProperty('stream_options');
  });

  test("holds none of the client's credentials, cookies or own headers", async () => {
    await chat(
      gateway.url,
      {},
      { authorization: 'Bearer secret', cookie: 'a=b', 'x-rightsize-tier': 'small', 'x-mine': '1' },
    );
    const { headers } = upstream.last;
    expect(headers).not.toHaveProperty('authorization');
    expect(headers).not.toHaveProperty('cookie');
    expect(headers).not.toHaveProperty('x-rightsize-tier');
    expect(headers).not.toHaveProperty('x-mine');
  });
});

describe('what the client is sent', () => {
  test('a plain answer is the upstream’s text, byte for byte', async () => {
    let text = '';
    upstream.always((call) => {
      text = JSON.stringify({ ...call.completion({ content: ANSWER }), timings: { x: 1 } }).replace(
        '"x":1',
        '"x": 9007199254740993',
      );
      call.response.writeHead(200, { 'content-type': 'application/json' });
      call.response.end(text);
    });
    const reply = await chat(gateway.url);
    expect(reply.text).toBe(text);
    expect(reply.headers['content-length']).toBe(String(Buffer.byteLength(text)));
  });

  test('a streamed answer has the upstream’s chunks as they are, the cost as comments, and one [DONE] at the end', async () => {
    const reply = await chat(gateway.url, { stream: true });
    expect(reply.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-rightsize-tier': 'small',
    });
    expect(reply.headers).not.toHaveProperty('x-rightsize-cost-usd');
    expect(reply.events.slice(0, -1)).toHaveLength(ANSWER_PIECES.length + 2);
    expect(reply.text).not.toMatch(/^(event|id|retry):/m);
    expect(reply.comments).toEqual([
      expect.stringMatching(/^x-rightsize-cost-usd: 0\.\d+$/),
      expect.stringMatching(/^x-rightsize-saved-usd: 0\.\d+$/),
    ]);
    expect(reply.text.endsWith('data: [DONE]\n\n')).toBe(true);
    const [entry] = (await gateway.entries()).slice(-1);
    expect(reply.comments[0]).toBe(
      `x-rightsize-cost-usd: 0.${String(entry?.costNanoUsd).padStart(9, '0').replace(/0+$/, '')}`,
    );
  });

  test('running usage never stands on a content chunk, and ends up in the one usage chunk that was asked for', async () => {
    const vllm = await startGateway({
      routes: twoTierRoutes({ small: upstream.url, large: upstream.url }, { kind: 'vllm' }),
    });
    try {
      for (const include_usage of [false, true]) {
        const reply = await chat(vllm.url, { stream: true, stream_options: { include_usage } });
        expect(upstream.last.body.stream_options).toEqual({ include_usage: true, continuous_usage_stats: true });
        const { chunks, text } = readAnswer(reply);
        expect(text).toBe(ANSWER);
        const withUsage = chunks.filter(({ usage }) => usage != null);
        expect(withUsage.map(({ choices }) => choices)).toEqual(include_usage ? [[]] : []);
        if (include_usage) expect(withUsage[0]?.usage?.completion_tokens).toBe(upstream.last.produced.completionTokens);
      }
    } finally {
      await vllm.close();
    }
  });
});

describe('bad requests get an error in the envelope and an entry in the ledger', () => {
  test.each([
    ['nothing', '', 'invalid_json'],
    ['a broken object', '{"model":"auto","messages":[{"role":"user","content":"secret words"}', 'invalid_json'],
    ['a trailing comma', '{"model":"auto",}', 'invalid_json'],
    ['an array', '[]', 'invalid_json'],
    ['null', 'null', 'invalid_json'],
    ['a string', '"hi"', 'invalid_json'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), 'invalid_json'],
    ['a cut UTF-8 sequence', Buffer.from('{"model":"é').subarray(0, -1), 'invalid_json'],
    ['UTF-16', Buffer.from('{"model":"auto"}', 'utf16le'), 'invalid_json'],
    ['no messages', '{"model":"auto"}', 'invalid_value'],
    ['no model', '{"messages":[{"role":"user","content":"hi"}]}', 'invalid_value'],
    ['messages that are empty', '{"model":"auto","messages":[]}', 'invalid_value'],
    ['a key that ends with a backslash', '{"model":"auto","messages":[{"role":"user","x\\\\":1}]}', 'invalid_value'],
  ])('%s', async (_, body, code) => {
    const before = (await gateway.entries()).length;
    const reply = await post(gateway.url, body);
    expect(reply.status).toBe(400);
    expect(reply.headers['content-type']).toBe('application/json');
    const error = envelopeOf(reply.text);
    expect(error).toMatchObject({ code, type: 'invalid_request_error' });
    expect(reply.text).not.toContain('secret words');
    const entry = await lastEntry();
    expect(entry).toMatchObject({
      id: reply.headers['x-request-id'],
      outcome: 'refused',
      status: 400,
      errorCode: code,
    });
    expect((await gateway.entries()).length).toBe(before + 1);
    expect(upstream.calls).toEqual([]);
  });

  test.each([
    ['by its announced length', 0],
    ['by its real length, chunked', 1],
  ])('a body over the limit, %s, is a 413 that even a client that is still sending can read', async (_, isChunked) => {
    const huge = `{"model":"auto","messages":[{"role":"user","content":"${'x'.repeat(4 * 1024 * 1024)}"}]}`;
    const body = isChunked
      ? new ReadableStream({
          start(controller) {
            for (let at = 0; at < huge.length; at += 65_536)
              controller.enqueue(Buffer.from(huge.slice(at, at + 65_536)));
            controller.close();
          },
        })
      : huge;
    const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half',
    } as RequestInit);
    expect(reply.status).toBe(413);
    expect(envelopeOf(await reply.text())).toMatchObject({ code: 'body_too_large' });
    expect(await lastEntry()).toMatchObject({ outcome: 'refused', status: 413, errorCode: 'body_too_large' });
  });

  test('a body nested more deeply than it can be written again is a 400', async () => {
    const options = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`;
    const body = `{"model":"auto","stream":true,"stream_options":${options},"messages":[{"role":"user","content":"hi"}]}`;
    const reply = await post(gateway.url, body);
    expect(reply.status).toBe(400);
    expect(envelopeOf(reply.text)).toMatchObject({ code: 'invalid_value' });
  });

  test('a body of exactly the limit is taken', async () => {
    const shell = JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: '' }] });
    const body = shell.replace('""', `"${'x '.repeat(MAX_BODY_BYTES).slice(0, MAX_BODY_BYTES - shell.length)}"`);
    expect(Buffer.byteLength(body)).toBe(MAX_BODY_BYTES);
    expect((await post(gateway.url, body)).status).toBe(200);
    expect((await post(gateway.url, `${body} `)).status).toBe(413);
  });
});

describe('paths', () => {
  test.each(['/v1/chat/completions', '/chat/completions', '//v1/chat/completions', '/v1//chat/completions'])(
    'POST %s is answered',
    async (path) => {
      const body = { model: 'auto', messages: [{ role: 'user', content: 'What is 2+2?' }] };
      expect((await post(gateway.url, body, {}, path)).status).toBe(200);
    },
  );

  test.each(['GET', 'PUT', 'DELETE', 'PATCH'])(
    '%s on a POST path is a 405 in the envelope that names POST',
    async (method) => {
      const reply = await fetch(`${gateway.url}/v1/chat/completions`, { method });
      expect(reply.status).toBe(405);
      expect(reply.headers.get('allow')).toBe('POST');
      expect(envelopeOf(await reply.text())).toMatchObject({ code: 'method_not_allowed' });
    },
  );

  test.each(['/v1', '/v1/nope', '/favicon.ico', '/v1/chat/completions/chatcmpl-1'])(
    'GET %s is a 404 in the envelope',
    async (path) => {
      const reply = await fetch(gateway.url + path);
      expect(reply.status).toBe(404);
      expect(reply.headers.get('content-type')).toContain('application/json');
      expect(reply.headers.get('x-request-id')).toMatch(/^req_/);
      expect(envelopeOf(await reply.text())).toMatchObject({ code: 'not_found', type: 'invalid_request_error' });
    },
  );
});

/** A client that writes and reads the socket itself. */
const open = async (url: string): Promise<Socket> => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
};

const requestText = (body: string) =>
  `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

describe('clients that misbehave', () => {
  test('one that leaves in the middle of its body leaves an aborted entry', async () => {
    const before = (await gateway.entries()).length;
    const socket = await open(gateway.url);
    socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"model":');
    await until(() => gatewayHasConnections(gateway), 5_000, 'the connection');
    socket.resetAndDestroy();
    const entry = await until(async () => (await gateway.entries())[before], 5_000, 'the entry');
    expect(entry).toMatchObject({ outcome: 'aborted', errorCode: 'client_closed_request', requestedModel: null });
  });

  test('one whose body does not come in time is told so with 408, and its connection closed', async () => {
    const clock = new ManualClock(1_700_000_000_000);
    const patient = await startGateway({ routes: twoTierRoutes({ small: upstream.url, large: upstream.url }), clock });
    try {
      const socket = await open(patient.url);
      socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"model":');
      let text = '';
      socket.on('data', (piece) => {
        text += piece.toString('utf8');
      });
      const closed = once(socket, 'close');
      await until(() => {
        clock.advance(60_000);
        return text.includes('body_timeout');
      });
      expect(text).toMatch(/^HTTP\/1\.1 408 /);
      await closed;
      expect(await patient.untilEntries(1)).toMatchObject([
        { outcome: 'refused', status: 408, errorCode: 'body_timeout' },
      ]);
    } finally {
      await patient.close();
    }
  });

  test('one that reads slowly holds the upstream back instead of filling memory, and still gets every byte', async () => {
    const piece = 'x'.repeat(64 * 1024);
    const pieces = 400;
    let written = 0;
    upstream.always(async (call) => {
      call.open();
      call.role();
      for (let count = 0; count < pieces && !call.isClosed; count++) {
        const text = call.eventText(call.chunk([{ index: 0, delta: { content: piece }, finish_reason: null }]));
        written++;
        if (!call.response.write(text)) await Promise.race([once(call.response, 'drain'), call.closed]);
      }
      call.finish();
      call.response.end('data: [DONE]\n\n');
    });
    const socket = await open(gateway.url);
    socket.pause();
    socket.write(requestText('{"model":"auto","stream":true,"messages":[{"role":"user","content":"hi"}]}'));
    // Nobody reads: what is under way fills the buffers of the two sockets and stops there.
    let last = -1;
    let steadyLooks = 0;
    await until(() => {
      steadyLooks = written > 0 && written === last ? steadyLooks + 1 : 0;
      last = written;
      return steadyLooks >= 20;
    });
    expect(written).toBeLessThan(pieces);
    let size = 0;
    for await (const data of socket as AsyncIterable<Buffer>) {
      size += data.length;
      if (data.includes('data: [DONE]')) break;
    }
    socket.destroy();
    expect(written).toBe(pieces);
    expect(size).toBeGreaterThan(pieces * piece.length);
  });

  test('two requests on one connection are answered in their order', async () => {
    const socket = await open(gateway.url);
    const body = '{"model":"auto","messages":[{"role":"user","content":"hi"}]}';
    socket.write(requestText(body) + requestText(body.replace('auto', 'nope')));
    let text = '';
    for await (const data of socket as AsyncIterable<Buffer>) {
      text += data.toString('utf8');
      if (text.includes('model_not_found')) break;
    }
    socket.destroy();
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404']);
  });
});

const gatewayHasConnections = ({ app }: TestGateway): Promise<boolean> =>
  new Promise((resolve) => app.server.getConnections((_, count) => resolve(count > 0)));

test('sixty-four requests at once, streamed and plain, each get their own answer', async () => {
  upstream.always((call) => {
    const echo = String(call.body.messages[0]?.content);
    if (!call.isStream) return call.json(call.completion({ content: echo }));
    call.open();
    call.role();
    for (const word of echo.match(/\S+\s*/g) ?? []) call.say(word);
    call.finish();
    call.done();
  });
  const before = (await gateway.entries()).length;
  const prompts = Array.from({ length: 64 }, (_, index) => `say number ${index} again`);
  const answers = await Promise.all(
    prompts.map(async (content, index) => {
      const reply = await chat(gateway.url, { stream: index % 2 === 0, messages: [{ role: 'user', content }] });
      if (index % 2 === 1) return JSON.parse(reply.text).choices[0].message.content as string;
      return readAnswer(parseStream(reply.text)).text;
    }),
  );
  expect(answers).toEqual(prompts);
  expect((await gateway.entries()).length).toBe(before + 64);
});
