import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConfigViewSchema } from '../../../src/contract/admin/config.ts';
import { SessionSchema } from '../../../src/contract/admin/session.ts';
import { StatusSchema } from '../../../src/contract/admin/status.ts';
import { CLOSED_URL } from '../../support/faulty-upstream.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { ADMIN_KEY, startGateway, type TestGateway, twoTierRoutes } from '../../support/start-gateway.ts';

let gateway: TestGateway;
const clock = new ManualClock(1_760_000_000_000);
const KEY = 'client-key';

beforeAll(async () => {
  gateway = await startGateway({
    routes: twoTierRoutes({ small: CLOSED_URL, large: CLOSED_URL }),
    clock,
    keys: [{ secret: KEY, caller: { keyId: 'key_1', team: 'default' } }],
  });
});
afterAll(() => gateway.close());

type Options = { method?: string; headers?: Record<string, string>; body?: string };

/** Node's own client: fetch hides cookies and refuses some headers. */
const ask = (path: string, { method = 'GET', headers = {}, body }: Options = {}) =>
  new Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: unknown }>(
    (resolve, reject) => {
      const call = request(`${gateway.url}/admin/api${path}`, { method, headers, agent: false }, (reply) => {
        let text = '';
        reply.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        reply.on('end', () =>
          resolve({
            status: reply.statusCode ?? 0,
            headers: reply.headers,
            body: text === '' ? null : JSON.parse(text),
          }),
        );
      });
      call.on('error', reject);
      call.end(body);
    },
  );

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const JSON_TYPE = { 'content-type': 'application/json' };
const signIn = (key: string, headers: Record<string, string> = {}) =>
  ask('/session', { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify({ key }) });
const cookieOf = ({ headers }: { headers: Record<string, string | string[] | undefined> }) =>
  String(headers['set-cookie']).split(';')[0] as string;

test.each(['/status', '/config', '/session', '/nothing/here', ''])(
  'without a key %s is a 401 in the envelope',
  async (path) => {
    const { status, headers, body } = await ask(path);
    expect(status).toBe(401);
    expect(headers['x-request-id']).toMatch(/^req_/);
    expect(body).toMatchObject({ error: { code: 'invalid_api_key', type: 'invalid_request_error', param: null } });
  },
);

test("a client's key opens nothing here, and the admin key no inference", async () => {
  expect((await ask('/status', { headers: bearer(KEY) })).status).toBe(401);
  const inference = await fetch(`${gateway.url}/v1/models`, { headers: bearer(ADMIN_KEY) });
  expect(inference.status).toBe(401);
  clock.advance(60_000);
});

test('the status has the version, the uptime and the state of each dependency', async () => {
  const { status, body } = await ask('/status', { headers: bearer(ADMIN_KEY) });
  expect(status).toBe(200);
  const shown = StatusSchema.parse(body);
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  expect(shown).toMatchObject({ version, startedAt: '2025-10-09T08:53:20.000Z', config: { problems: [] } });
  expect(Object.keys(shown.upstreams)).toEqual(['up-small', 'up-large']);
});

test('the configuration is the text of the file, and says when it is not in force', async () => {
  const before = readFileSync(gateway.configFile, 'utf8');
  const first = ConfigViewSchema.parse((await ask('/config', { headers: bearer(ADMIN_KEY) })).body);
  expect(first).toMatchObject({ text: before, textVersion: first.version, isWritable: true, problems: [] });
  writeFileSync(gateway.configFile, 'version: 1\nupstreams: { a: { kind: openai, apiKey: sk-written-here } }\n');
  const { headers, body } = await ask('/config', { headers: bearer(ADMIN_KEY) });
  const second = ConfigViewSchema.parse(body);
  expect(second.text).toContain('sk-written-here');
  expect(second.version).toBe(first.version);
  expect(second.textVersion).not.toBe(first.version);
  expect(headers['etag']).toBe(`"${second.textVersion}"`);
  writeFileSync(gateway.configFile, before);
});

test('a session opens with an admin key, says who one is, lasts twelve hours and ends when it is closed', async () => {
  const opened = await signIn(ADMIN_KEY);
  expect(opened.status).toBe(200);
  const session = SessionSchema.parse(opened.body);
  expect(session).toMatchObject({ role: 'admin', team: null });
  expect(Date.parse(session.expiresAt as string) - clock.now()).toBe(12 * 3_600_000);
  expect(String(opened.headers['set-cookie'])).toMatch(
    /^rightsize_session=[\w-]{43}; Max-Age=43200; Path=\/admin\/api; HttpOnly; SameSite=Strict$/,
  );
  const cookie = cookieOf(opened);
  expect((await ask('/status', { headers: { cookie } })).status).toBe(200);
  expect((await ask('/session', { headers: { cookie } })).body).toEqual(session);

  const closed = await ask('/session', { method: 'DELETE', headers: { cookie, 'x-rightsize-csrf': '1' } });
  expect(closed.status).toBe(204);
  expect(String(closed.headers['set-cookie'])).toContain('Max-Age=0');
  expect((await ask('/session', { headers: { cookie } })).status).toBe(401);

  const later = cookieOf(await signIn(ADMIN_KEY));
  clock.advance(12 * 3_600_000 - 1);
  expect((await ask('/session', { headers: { cookie: later } })).status).toBe(200);
  clock.advance(1);
  expect((await ask('/session', { headers: { cookie: later } })).status).toBe(401);
});

test('behind TLS the cookie is never sent without it', async () => {
  const { headers } = await signIn(ADMIN_KEY, { 'x-forwarded-proto': 'https' });
  expect(String(headers['set-cookie'])).toContain('; Secure');
});

test.each([
  ['no header', {}],
  ['another site', { 'x-rightsize-csrf': '1', 'sec-fetch-site': 'cross-site' }],
  ['a sibling domain', { 'x-rightsize-csrf': '1', 'sec-fetch-site': 'same-site' }],
])('a change asked for with a cookie alone is refused: %s', async (_, headers: Record<string, string>) => {
  const cookie = cookieOf(await signIn(ADMIN_KEY));
  const { status, body } = await ask('/session', { method: 'DELETE', headers: { cookie, ...headers } });
  expect(status).toBe(403);
  expect(body).toMatchObject({ error: { code: 'not_allowed', param: 'x-rightsize-csrf' } });
  expect((await ask('/session', { headers: { cookie } })).status).toBe(200);
});

test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
  'a form cannot sign in (%s)',
  async (type) => {
    const { status, headers } = await signIn(ADMIN_KEY, { 'content-type': type });
    expect(status).toBe(400);
    expect(headers['set-cookie']).toBeUndefined();
  },
);

test.each([
  ['{', 'invalid_json', null],
  ['null', 'invalid_value', null],
  ['{}', 'invalid_value', 'key'],
  ['{"key":5}', 'invalid_value', 'key'],
  ['{"key":""}', 'invalid_value', 'key'],
  [`{"key":"${'x'.repeat(600)}"}`, 'invalid_value', 'key'],
  ['{"key":"x","role":"admin"}', 'invalid_value', 'role'],
  ['{"__proto__":{"role":"admin"},"key":["x"]}', 'invalid_value', 'key'],
])('a sign-in of %s is told what is wrong and sees nothing of a key', async (body, code, param) => {
  const reply = await ask('/session', { method: 'POST', headers: JSON_TYPE, body });
  expect(reply.status).toBe(400);
  expect(reply.body).toMatchObject({ error: { code } });
  if (param !== null) expect(reply.body).toMatchObject({ error: { param } });
});

test('every answer forbids to be kept, framed, sniffed or run', async () => {
  for (const headers of [{}, bearer(ADMIN_KEY)]) {
    const reply = await ask('/status', { headers });
    expect(reply.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
    expect(reply.headers['access-control-allow-origin']).toBeUndefined();
  }
});

test('after ten wrong keys from an address it is not listened to for the rest of the minute', async () => {
  clock.advance(60_000);
  for (let i = 0; i < 5; i++) {
    expect((await signIn(`wrong-${i}`)).status).toBe(401);
    expect((await ask('/status', { headers: bearer(`wrong-${i}`) })).status).toBe(401);
  }
  const refused = await signIn(ADMIN_KEY);
  expect(refused.status).toBe(429);
  expect(refused.body).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await ask('/status', { headers: bearer(ADMIN_KEY) })).status).toBe(429);
  clock.advance(60_000);
  expect((await signIn(ADMIN_KEY)).status).toBe(200);
});

test('a cookie that is none, or of an unknown session, is no sign-in', async () => {
  for (const value of ['x', "' OR 1=1 --", 'a'.repeat(43), '%00', 'a'.repeat(5_000)]) {
    expect((await ask('/status', { headers: { cookie: `rightsize_session=${value}` } })).status).toBe(401);
  }
});
