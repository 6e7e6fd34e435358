import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuditPageSchema } from '../../src/contract/admin/audit.ts';
import { KeyListSchema, KeyViewSchema, NewSecretSchema } from '../../src/contract/admin/keys.ts';
import { TeamListSchema } from '../../src/contract/admin/teams.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { FaultyUpstream } from '../support/faulty-upstream.ts';
import { ADMIN_KEY, startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

const HARD =
  'Prove that the square root of two is irrational, then generalise the proof to the n-th root of every integer that is not a perfect n-th power, and state precisely where unique factorisation is used.';
const EASY = 'What is the capital of France?';

let small: FaultyUpstream;
let large: FaultyUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  [small, large] = [await FaultyUpstream.start(), await FaultyUpstream.start()];
  const routes = twoTierRoutes({ small: small.url, large: large.url });
  gateway = await startGateway({
    routes: {
      ...routes,
      routes: [
        { name: 'code', match: { model: 'code' }, tier: 'large', retries: 0 },
        { ...routes.routes[0], cache: { ttl: '1h' } },
      ],
      teams: { research: {}, support: { routes: ['default'], limits: { requestsPerMinute: 100 } } },
    },
    ledger: (directory) => SqliteLedgerStore.open({ directory }),
  });
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([small.close(), large.close()]);
});

const admin = async (path: string, method = 'GET', body?: unknown, key = ADMIN_KEY, headers = {}) => {
  const reply = await fetch(`${gateway.url}/admin/api${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  return { status: reply.status, headers: reply.headers, body: text === '' ? null : JSON.parse(text) };
};
const create = async (wish: object) => {
  const { status, body } = await admin('/keys', 'POST', wish);
  expect([status, body]).toEqual([201, expect.anything()]);
  return NewSecretSchema.parse(body);
};
const chat = async (key: string, body: object = {}, headers = {}) => {
  const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: EASY }], ...body }),
  });
  return {
    status: reply.status,
    tier: reply.headers.get('x-rightsize-tier'),
    reason: reply.headers.get('x-rightsize-reason'),
    cache: reply.headers.get('x-rightsize-cache'),
    body: (await reply.json()) as { error?: { code: string; param: string | null; message: string } },
  };
};
const hard = { messages: [{ role: 'user', content: HARD }] };

describe('the life of a key', () => {
  test('its secret is shown once, opens inference as its team, and is nowhere in what is stored or shown', async () => {
    const { key, secret, warnings } = await create({ name: 'Ada', team: 'research', tags: { project: 'apollo' } });
    expect(secret).toMatch(/^rs-[\w-]{43}$/);
    expect(key).toMatchObject({ kind: 'client', state: 'active', team: 'research', lastUsedAt: null, version: 1 });
    expect(warnings).toEqual([]);
    expect((await chat(secret, { metadata: { run: '7', project: 'mine' } })).status).toBe(200);
    const entries = await gateway.entries();
    expect(entries.at(-1)).toMatchObject({ keyId: key.id, team: 'research', tags: { project: 'apollo', run: '7' } });
    const shown = JSON.stringify([
      entries,
      await admin('/keys'),
      await admin('/audit'),
      await admin(`/keys/${key.id}`),
    ]);
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain(secret.slice(8));
  });

  test('a revoked key is refused with the next request, and cannot be changed or revived', async () => {
    const { key, secret } = await create({ name: 'Bob' });
    expect((await chat(secret)).status).toBe(200);
    const revoked = KeyViewSchema.parse((await admin(`/keys/${key.id}`, 'DELETE')).body);
    expect(revoked).toMatchObject({ state: 'revoked', version: 2 });
    expect(await chat(secret)).toMatchObject({ status: 401, body: { error: { code: 'invalid_api_key' } } });
    expect((await admin(`/keys/${key.id}`, 'DELETE')).body).toEqual(revoked);
    expect((await admin(`/keys/${key.id}`, 'PATCH', { name: 'x' })).status).toBe(400);
    expect((await admin(`/keys/${key.id}/rotate`, 'POST', {})).status).toBe(400);
  });

  test('a rotation gives a new secret; the old one stays valid for as long as was said', async () => {
    const { key, secret } = await create({ name: 'Cleo' });
    const rotated = NewSecretSchema.parse((await admin(`/keys/${key.id}/rotate`, 'POST', { overlapMinutes: 5 })).body);
    expect(rotated.key.id).toBe(key.id);
    expect(Date.parse(rotated.key.previousUntil as string) - Date.now()).toBeGreaterThan(290_000);
    expect([(await chat(secret)).status, (await chat(rotated.secret)).status]).toEqual([200, 200]);
    const again = NewSecretSchema.parse((await admin(`/keys/${key.id}/rotate`, 'POST', { overlapMinutes: 0 })).body);
    expect([(await chat(rotated.secret)).status, (await chat(secret)).status]).toEqual([401, 401]);
    expect((await chat(again.secret)).status).toBe(200);
  });

  test('of two editors the second is told that the key has changed', async () => {
    const { key } = await create({ name: 'Dan', expiresAt: '2999-01-01T00:00:00+02:00' });
    expect(key.expiresAt).toBe('2998-12-31T22:00:00.000Z');
    const { headers } = await admin(`/keys/${key.id}`);
    const ifMatch = { 'if-match': headers.get('etag') as string };
    const first = await admin(`/keys/${key.id}`, 'PATCH', { expiresAt: null, team: null }, ADMIN_KEY, ifMatch);
    expect(first.body).toMatchObject({ expiresAt: null, team: 'default', version: 2 });
    expect(first.headers.get('etag')).toBe('"2"');
    const second = await admin(`/keys/${key.id}`, 'PATCH', { name: 'Dora' }, ADMIN_KEY, ifMatch);
    expect(second).toMatchObject({ status: 412, body: { error: { code: 'changed_meanwhile', param: 'if-match' } } });
    expect((await admin(`/keys/${key.id}`, 'PATCH', { name: 'x' }, ADMIN_KEY, { 'if-match': 'W/"2"' })).status).toBe(
      400,
    );
  });

  test('the audit log tells who changed what, in pages', async () => {
    const { key } = await create({ name: 'Eve', tags: { a: '1' } });
    await admin(`/keys/${key.id}`, 'PATCH', { tags: { a: '2' } });
    await admin(`/keys/${key.id}`, 'PATCH', { tags: { a: '2' } });
    await admin(`/keys/${key.id}`, 'DELETE');
    const first = AuditPageSchema.parse((await admin('/audit?limit=2')).body);
    expect(first.entries.map(({ action, target, actor }) => [action, target, actor])).toEqual([
      ['key.revoke', key.id, 'admin key'],
      ['key.update', key.id, 'admin key'],
    ]);
    expect(first.entries[1]).toMatchObject({
      before: { tags: { a: '1' }, version: 1 },
      after: { tags: { a: '2' }, version: 2 },
    });
    const second = AuditPageSchema.parse((await admin(`/audit?limit=2&before=${first.next}`)).body);
    expect(second.entries[0]).toMatchObject({ action: 'key.create', target: key.id, before: null });
  });
});

describe('what a key may use', () => {
  test('a key for the small tier is never answered by the large one: not by difficulty, name, header, route or fallback', async () => {
    const { secret } = await create({ name: 'small only', permissions: { tiers: ['small'] } });
    const before = large.calls.length;
    const answered = await chat(secret, hard);
    expect(answered).toMatchObject({ status: 200, tier: 'small' });
    expect(answered.reason).toContain('tier large is not for this key');
    expect(await chat(secret, { model: 'large' })).toMatchObject({
      status: 403,
      body: { error: { code: 'model_not_allowed', param: 'model' } },
    });
    expect(await chat(secret, {}, { 'x-rightsize-tier': 'large' })).toMatchObject({
      status: 403,
      body: { error: { code: 'model_not_allowed', param: 'x-rightsize-tier' } },
    });
    for (const model of ['vendor/large-1', 'up-large/vendor/large-1']) {
      expect(await chat(secret, { model })).toMatchObject({
        status: 403,
        body: { error: { code: 'model_not_allowed' } },
      });
    }
    expect(await chat(secret, { model: 'code' })).toMatchObject({ status: 200, tier: 'small' });
    small.script((call) => void call.response.writeHead(500).end());
    const failed = await chat(secret, { messages: [{ role: 'user', content: 'Name a river.' }] });
    expect(failed.status).toBeGreaterThanOrEqual(500);
    expect(large.calls.length).toBe(before);
  });

  test('a key with any limit is not sent on to an upstream whose model nobody has checked', async () => {
    const { secret } = await create({ name: 'bound', permissions: { tiers: ['small'] } });
    const before = large.calls.length;
    for (const body of ['{"model":"vendor/large-1"}', '{}']) {
      const reply = await fetch(`${gateway.url}/v1/moderations`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${secret}`,
          'content-type': 'application/json',
          'x-rightsize-upstream': 'up-large',
        },
        body,
      });
      expect([reply.status, await reply.json()]).toMatchObject([403, { error: { code: 'model_not_allowed' } }]);
    }
    expect(large.calls.length).toBe(before);
  });

  test('an answer of a model that is not for a key does not come to it from the cache either', async () => {
    const open = await create({ name: 'open', team: 'research' });
    const bound = await create({ name: 'bound', team: 'research', permissions: { models: ['small-1'] } });
    const question = { messages: [{ role: 'user', content: `${HARD} Twice.` }] };
    expect(await chat(open.secret, question)).toMatchObject({ tier: 'large', cache: 'miss' });
    expect(await chat(open.secret, question)).toMatchObject({ tier: 'large', cache: 'hit' });
    expect(await chat(bound.secret, question)).toMatchObject({ tier: 'small', cache: 'miss' });
  });

  test('a key for one route uses no other, by name, by header or by its match, and names no model', async () => {
    const { secret } = await create({ name: 'code only', permissions: { routes: ['code'] } });
    expect(await chat(secret, { model: 'code' })).toMatchObject({ status: 200, tier: 'large' });
    const cases: [object, object, string, string][] = [
      [{}, {}, 'route_not_allowed', 'model'],
      [{ model: 'default' }, {}, 'route_not_allowed', 'model'],
      [{ model: 'code' }, { 'x-rightsize-route': 'default' }, 'route_not_allowed', 'x-rightsize-route'],
      [{ model: 'small-1' }, {}, 'model_not_allowed', 'model'],
    ];
    for (const [body, headers, code, param] of cases) {
      expect(await chat(secret, body, headers)).toMatchObject({ status: 403, body: { error: { code, param } } });
    }
  });

  test('a key whose models no rule can use is told so, and no upstream is asked', async () => {
    const { secret, warnings } = await create({ name: 'none', permissions: { models: ['gone-1'] } });
    expect(warnings).toEqual(['routes.yaml has no model "gone-1"']);
    const before = small.calls.length + large.calls.length;
    expect(await chat(secret)).toMatchObject({ status: 403, body: { error: { code: 'model_not_allowed' } } });
    expect(small.calls.length + large.calls.length).toBe(before);
  });

  test('a team for one route uses no other and names no model, whatever its key allows', async () => {
    const { secret } = await create({
      name: 'sup',
      team: 'support',
      permissions: { routes: ['code'], models: ['small-1'] },
    });
    expect(await chat(secret, { model: 'code' })).toMatchObject({
      status: 403,
      body: { error: { code: 'route_not_allowed' } },
    });
    expect(await chat(secret)).toMatchObject({ status: 403, body: { error: { code: 'route_not_allowed' } } });
    expect(await chat(secret, { model: 'small-1' })).toMatchObject({
      status: 403,
      body: { error: { code: 'model_not_allowed' } },
    });
  });

  test.each<[object, string[]]>([
    [{}, ['auto', 'code', 'default', 'small', 'large', 'small-1', 'vendor/large-1']],
    [{ permissions: { tiers: ['small'] } }, ['auto', 'code', 'default', 'small', 'small-1']],
    [{ permissions: { routes: ['code'] } }, ['code', 'small', 'large']],
    [{ permissions: { models: ['up-large/vendor/large-1'] } }, ['auto', 'code', 'default', 'large', 'vendor/large-1']],
    [{ team: 'support' }, ['auto', 'default', 'small', 'large']],
  ])('/v1/models of a key with %j lists what it may use: %j', async (wish, names) => {
    const { secret } = await create({ name: 'lister', ...wish });
    const headers = { authorization: `Bearer ${secret}` };
    const list = (await (await fetch(`${gateway.url}/v1/models`, { headers })).json()) as { data: { id: string }[] };
    expect(list.data.map(({ id }) => id)).toEqual(names);
    for (const name of ['auto', 'code', 'default', 'small', 'large', 'small-1', 'vendor/large-1']) {
      const { status } = await fetch(`${gateway.url}/v1/models/${name}`, { headers });
      expect([name, status]).toEqual([name, names.includes(name) ? 200 : 404]);
    }
  });
});

describe('keys of people', () => {
  test('a viewer looks and changes nothing; one of a team sees only its team; neither opens inference', async () => {
    const viewer = await create({ kind: 'viewer', name: 'Auditor' });
    const bound = await create({ kind: 'viewer', name: 'Lead of research', team: 'research' });
    expect(viewer.secret).toMatch(/^rsa-[\w-]{43}$/);
    for (const secret of [viewer.secret, bound.secret]) {
      expect((await chat(secret)).status).toBe(401);
      for (const [path, method, body] of [
        ['/keys', 'POST', { name: 'x' }],
        [`/keys/${viewer.key.id}`, 'PATCH', { name: 'x' }],
        [`/keys/${viewer.key.id}`, 'DELETE', undefined],
        [`/keys/${viewer.key.id}/rotate`, 'POST', {}],
      ] as const) {
        expect(await admin(path, method, body, secret)).toMatchObject({
          status: 403,
          body: { error: { code: 'not_allowed' } },
        });
      }
    }
    expect((await admin('/audit', 'GET', undefined, viewer.secret)).status).toBe(200);
    for (const path of ['/audit', '/config']) {
      expect((await admin(path, 'GET', undefined, bound.secret)).status).toBe(403);
    }
    const all = KeyListSchema.parse((await admin('/keys', 'GET', undefined, viewer.secret)).body).keys;
    const own = KeyListSchema.parse((await admin('/keys', 'GET', undefined, bound.secret)).body).keys;
    expect(new Set(own.map(({ team }) => team))).toEqual(new Set(['research']));
    expect(own.length).toBeLessThan(all.length);
    const other = all.find(({ team }) => team !== 'research')?.id as string;
    expect((await admin(`/keys/${other}`, 'GET', undefined, bound.secret)).status).toBe(404);
    const teams = async (secret: string) =>
      TeamListSchema.parse((await admin('/teams', 'GET', undefined, secret)).body).teams.map(({ name }) => name);
    expect(await teams(viewer.secret)).toEqual(['default', 'research', 'support']);
    expect(await teams(bound.secret)).toEqual(['research']);
    const status = (await admin('/status', 'GET', undefined, bound.secret)).body;
    expect(status).toMatchObject({ upstreams: {}, models: {} });
  });

  test('a session ends with the key it was opened with', async () => {
    const { key, secret } = await create({ kind: 'viewer', name: 'Leaver' });
    const opened = await fetch(`${gateway.url}/admin/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key: secret }),
    });
    const cookie = String(opened.headers.get('set-cookie')).split(';')[0] as string;
    const whoAmI = () => fetch(`${gateway.url}/admin/api/session`, { headers: { cookie } });
    expect(await (await whoAmI()).json()).toMatchObject({ role: 'viewer', name: 'Leaver', keyId: key.id });
    const change = await fetch(`${gateway.url}/admin/api/keys`, {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/json', 'x-rightsize-csrf': '1' },
      body: JSON.stringify({ name: 'x' }),
    });
    expect(change.status).toBe(403);
    await admin(`/keys/${key.id}`, 'DELETE');
    expect((await whoAmI()).status).toBe(401);
  });

  test('an admin key may do everything, and is itself in the audit log', async () => {
    const boss = await create({ kind: 'admin', name: 'Grace' });
    const made = await admin('/keys', 'POST', { name: 'by Grace' }, boss.secret);
    expect(made.status).toBe(201);
    const { entries } = AuditPageSchema.parse((await admin('/audit?limit=1', 'GET', undefined, boss.secret)).body);
    expect(entries[0]).toMatchObject({ actor: 'Grace', actorKeyId: boss.key.id, via: 'api', target: made.body.key.id });
  });

  test.each([
    [{ kind: 'admin', team: 'research' }, 'team'],
    [{ kind: 'viewer', tags: { a: 'b' } }, 'kind'],
    [{ kind: 'viewer', permissions: { tiers: ['small'] } }, 'kind'],
  ])('%j makes no sense and is refused', async (wish, param) => {
    expect(await admin('/keys', 'POST', { name: 'x', ...wish })).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_value', param } },
    });
  });

  test('figures of all teams are for viewers, and not for the key of a client or of one team', async () => {
    const metrics = async (secret: string) =>
      (await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${secret}` } })).status;
    expect(await metrics((await create({ name: 'client' })).secret)).toBe(403);
    expect(await metrics((await create({ kind: 'viewer', name: 'one', team: 'research' })).secret)).toBe(403);
    expect(await metrics((await create({ kind: 'viewer', name: 'prometheus' })).secret)).toBe(200);
    expect(await metrics(ADMIN_KEY)).toBe(200);
    expect(await metrics('rsa-wrong')).toBe(401);
  });
});

describe('hostile input', () => {
  const SQL = `x'); DROP TABLE rightsize_keys; --`;

  test.each<[string, object, string]>([
    ['a control character in a name', { name: 'a\u001b[2Jb' }, 'name'],
    ['a line break in a name', { name: 'a\nb' }, 'name'],
    ['a line separator', { name: 'a\u2028b' }, 'name'],
    ['half a surrogate pair', { name: '\ud800' }, 'name'],
    ['a zero byte', { name: 'a\u0000b' }, 'name'],
    ['an endless name', { name: 'a'.repeat(201) }, 'name'],
    ['no name', { team: 'research' }, 'name'],
    ['a team with a quote', { name: 'x', team: "a'b" }, 'team'],
    ['a team that is a path', { name: 'x', team: '../x' }, 'team'],
    [
      'too many tags',
      { name: 'x', tags: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`t${i}`, 'v'])) },
      'tags',
    ],
    ['a tag that is no text', { name: 'x', tags: { a: { b: 1 } } }, 'tags.a'],
    ['a tag with an odd name', { name: 'x', tags: { 'a b': 'c' } }, 'tags.a b'],
    ['a line break in a tag', { name: 'x', tags: { a: 'b\r\nset-cookie: x=y' } }, 'tags.a'],
    ['a date that is none', { name: 'x', expiresAt: 'tomorrow' }, 'expiresAt'],
    ['a budget below zero', { name: 'x', budget: { usd: -1, per: 'day' } }, 'budget.usd'],
    ['a limit that is text', { name: 'x', limits: { requestsPerMinute: '1; DROP' } }, 'limits.requestsPerMinute'],
    ['a secret of its own', { name: 'x', secret: 'rs-mine' }, 'secret'],
    ['an unknown kind', { name: 'x', kind: 'root' }, 'kind'],
    ['an empty list', { name: 'x', permissions: { tiers: [] } }, 'permissions.tiers'],
  ])('%s is refused by name', async (_, wish, param) => {
    const { status, body } = await admin('/keys', 'POST', wish);
    expect([status, body.error?.code, body.error?.param]).toEqual([400, 'invalid_value', param]);
  });

  test('a prototype in JSON changes nothing', async () => {
    const reply = await fetch(`${gateway.url}/admin/api/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      body: '{"name":"p","tags":{"__proto__":{"kind":"admin"},"constructor":"c"},"__proto__":{"kind":"admin"}}',
    });
    const { key } = (await reply.json()) as { key?: { kind: string; tags: object } };
    if (reply.status === 201) expect(key).toMatchObject({ kind: 'client', tags: { constructor: 'c' } });
    else expect(reply.status).toBe(400);
    expect(({} as { kind?: string }).kind).toBeUndefined();
  });

  test('SQL in names, tags, ids and queries is only text', async () => {
    const { key } = await create({ name: SQL, tags: { a: SQL }, permissions: { models: [SQL] } });
    expect((await admin(`/keys/${key.id}`)).body).toMatchObject({ name: SQL, tags: { a: SQL } });
    for (const path of [
      `/keys/${encodeURIComponent(SQL)}`,
      '/keys/%00',
      '/keys/..%2f..%2fconfig',
      `/keys/${'k'.repeat(5_000)}`,
    ]) {
      expect((await admin(path)).status).toBe(404);
    }
    for (const query of ['limit=0', 'limit=1e9', "before=' OR 1=1", 'limit=1&limit=2000', 'before=aud_1', 'x=1']) {
      const { status } = await admin(`/audit?${query}`);
      expect([query, status]).toEqual([query, query === 'limit=1&limit=2000' ? 200 : 400]);
    }
    expect((await admin('/keys')).status).toBe(200);
  });

  test.each(["' OR 1=1 --", 'rs-', `rs-${'a'.repeat(43)}`, `rs-${'a'.repeat(40_000)}`, '%00', 'null', 'Bearer'])(
    'hostile key %# opens nothing',
    async (key) => {
      expect((await chat(key)).status).toBe(401);
      expect((await admin('/keys', 'GET', undefined, key)).status).toBeOneOf([401, 429]);
    },
  );
});
