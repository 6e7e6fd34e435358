import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultyUpstream } from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

let upstream: FaultyUpstream;
let open: TestGateway;
let locked: TestGateway;

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url });
  open = await startGateway({ routes });
  locked = await startGateway({
    routes: { ...routes, cors: { origins: ['https://app.example.com', 'https://*.pages.example.com', 'app://*'] } },
    keys: [{ secret: 'sk-right', caller: { keyId: 'key_a', team: 'default' } }],
  });
});
afterAll(async () => {
  await open.close();
  await locked.close();
  await upstream.close();
});

type Raw = { status: number; head: string; body: string };

/** A request as it is written, for `fetch` would not send these headers. */
const raw = async (gateway: TestGateway, text: string): Promise<Raw> => {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (piece: string) => {
    answer += piece;
  });
  socket.write(text);
  await once(socket, 'close');
  const [head = '', ...body] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), body: body.join('\r\n\r\n') };
};

const ask = (gateway: TestGateway, path: string, headers: Record<string, string>, method = 'GET', body = '') => {
  const all = {
    host: '127.0.0.1',
    connection: 'close',
    ...(body && { 'content-length': `${body.length}` }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return raw(gateway, `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
};

const CHAT = '{"model":"auto","messages":[{"role":"user","content":"hi"}]}';
const codeOf = ({ body }: Raw) => (JSON.parse(body) as { error: { code: string } }).error.code;

describe('a gateway without keys', () => {
  test('refuses a web page of a stranger, also the plain form post that browsers send without asking', async () => {
    const before = upstream.calls.length;
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost.evil.example',
      'http://127.0.0.1.evil.example',
    ]) {
      const posted = await ask(open, '/v1/chat/completions', { origin, 'content-type': 'text/plain' }, 'POST', CHAT);
      expect([origin, posted.status, codeOf(posted)]).toEqual([origin, 403, 'not_allowed']);
      expect(posted.head).not.toContain('access-control-allow-origin');
      expect(posted.head).toMatch(/x-request-id: req_/);
      const preflight = await ask(open, '/v1/models', { origin, 'access-control-request-method': 'POST' }, 'OPTIONS');
      expect(preflight.status).toBe(403);
    }
    expect(upstream.calls).toHaveLength(before);
  });

  test('does not answer on a loopback connection to a name that a stranger can point there', async () => {
    const origin = 'http://evil.example:8787';
    for (const headers of [
      { host: 'evil.example:8787' } as Record<string, string>,
      { host: 'evil.example:8787', origin },
    ]) {
      const reply = await ask(open, '/v1/models', headers);
      expect([reply.status, codeOf(reply)]).toEqual([403, 'not_allowed']);
    }
  });

  test.each(['localhost:8787', '[::1]:8787', '127.0.0.1', 'gateway', 'host.docker.internal:8787', 'box.local'])(
    'answers to the name %s',
    async (host) => {
      expect((await ask(open, '/v1/models', { host })).status).toBe(200);
    },
  );

  test.each(['http://localhost:3000', 'http://localhost', 'http://127.0.0.1:5173'])(
    'lets pages of this machine in: %s',
    async (origin) => {
      const reply = await ask(open, '/v1/models', { origin });
      expect(reply.status).toBe(200);
      expect(reply.head).toContain(`access-control-allow-origin: ${origin}`);
    },
  );

  test('lets its own pages in', async () => {
    const host = '192.0.2.7:8787';
    expect((await ask(open, '/v1/models', { host, origin: `http://${host}` })).status).toBe(200);
  });
});

describe('a gateway with keys', () => {
  const authorization = 'Bearer sk-right';

  test.each(['https://app.example.com', 'https://a.pages.example.com', 'app://obsidian.md'])(
    'answers the preflight of %s without a key: what it asks to send, it may',
    async (origin) => {
      const asked = 'authorization, content-type, openai-organization, x-stainless-lang';
      const reply = await ask(
        locked,
        '/v1/chat/completions',
        {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': asked,
          'access-control-request-private-network': 'true',
        },
        'OPTIONS',
      );
      expect(reply.status).toBe(204);
      for (const line of [
        `access-control-allow-origin: ${origin}`,
        `access-control-allow-headers: ${asked}`,
        'access-control-allow-private-network: true',
        'vary: origin',
      ]) {
        expect(reply.head).toContain(line);
      }
      expect(reply.head).toMatch(/access-control-allow-methods: .*post.*delete/);
      const answer = await ask(locked, '/v1/chat/completions', { origin, authorization }, 'POST', CHAT);
      expect(answer.status).toBe(200);
      expect(answer.head).toMatch(
        /access-control-expose-headers: .*x-request-id.*x-rightsize-cost-usd.*retry-after-ms.*x-ratelimit-remaining-tokens/,
      );
    },
  );

  test.each(['https://app.example.com.evil.example', 'https://evil.example', 'http://app.example.com'])(
    'gives no permission to %s, whose browser then keeps the answer from it',
    async (origin) => {
      const headers = { origin, 'access-control-request-method': 'POST' };
      expect((await ask(locked, '/v1/models', headers, 'OPTIONS')).head).not.toContain('access-control-allow');
      const reply = await ask(locked, '/v1/models', { origin, authorization });
      expect(reply.status).toBe(200);
      expect(reply.head).not.toContain('access-control-allow');
    },
  );

  test('lets a page read why it was refused', async () => {
    const reply = await ask(locked, '/v1/models', { origin: 'https://app.example.com' });
    expect([reply.status, codeOf(reply)]).toEqual([401, 'invalid_api_key']);
    expect(reply.head).toContain('access-control-allow-origin: https://app.example.com');
  });
});

describe('every answer has an x-request-id', () => {
  test.each([
    ['GET', '/v1/models', 200],
    ['GET', '/models/', 200],
    ['GET', '//v1//models', 200],
    ['HEAD', '/v1/models', 200],
    ['GET', '/v1/models/nope', 404],
    ['GET', '/nowhere', 404],
    ['POST', '/v1/models', 405],
    ['DELETE', '/v1/models/small-1', 405],
    ['PUT', '/v1/chat/completions', 405],
    ['GET', '/healthz', 200],
    ['POST', '/v1/chat/completions', 400],
  ])('%s %s', async (method, path, status) => {
    const reply = await ask(open, path, {}, method);
    expect(reply.status).toBe(status);
    expect(reply.head).toMatch(/x-request-id: req_[0-9a-z]{26}(\r|$)/m);
    expect(reply.head.match(/x-request-id/g)).toHaveLength(1);
    if (status >= 400) {
      expect(Object.keys((JSON.parse(reply.body) as { error: object }).error)).toEqual([
        'message',
        'type',
        'param',
        'code',
      ]);
      expect(reply.head).toContain('content-type: application/json');
    }
    if (status === 405) expect(reply.head).toMatch(/allow: (get, head|post)/);
  });

  test("a client's own id comes back and is in the ledger beside ours, which stays its key", async () => {
    for (const name of ['x-client-request-id', 'x-request-id']) {
      const reply = await ask(open, '/v1/chat/completions', { [name]: 'trace-17' }, 'POST', CHAT);
      expect(reply.head).toContain('x-client-request-id: trace-17');
      const id = /x-request-id: (req_\w+)/.exec(reply.head)?.[1];
      expect((await open.entries()).at(-1)).toMatchObject({ id, clientRequestId: 'trace-17' });
    }
  });

  test.each(['two words', 'x'.repeat(129), 'caf\u00e9'])(
    "a client's id that is not well-formed is left out: %s",
    async (id) => {
      expect((await ask(open, '/v1/models', { 'x-request-id': id })).head).not.toContain('x-client-request-id');
    },
  );

  test('bytes that are no request, and headers beyond 64 KiB, get an envelope and a closed connection', async () => {
    const nonsense = await raw(open, 'NONSENSE\r\n\r\n');
    expect([nonsense.status, codeOf(nonsense)]).toEqual([400, 'malformed_http']);
    const huge = await ask(open, '/v1/models', { cookie: 'x'.repeat(70_000) });
    expect([huge.status, codeOf(huge)]).toEqual([431, 'malformed_http']);
    expect(huge.head).toMatch(/x-request-id: req_/);
    expect((await ask(open, '/v1/models', { cookie: 'x'.repeat(50_000) })).status).toBe(200);
  });
});
