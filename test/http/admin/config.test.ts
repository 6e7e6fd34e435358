import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuditPage } from '../../../src/contract/admin/audit.ts';
import { type ConfigView, ConfigViewSchema } from '../../../src/contract/admin/config.ts';
import type { ConfigCheck, ConfigHistory } from '../../../src/contract/admin/config-change.ts';
import { CLOSED_URL } from '../../support/faulty-upstream.ts';
import { ADMIN_KEY, startGateway, type TestGateway } from '../../support/start-gateway.ts';
import { until } from '../../support/until.ts';

const yaml = (threshold: string, more = '') => `# ours
version: 1
upstreams:
  a: { kind: openai-compatible, url: "${CLOSED_URL}", apiKey: sk-written-in-the-file }
tiers:
  - { name: small, models: [{ upstream: a, model: s }] }
  - { name: large, models: [{ upstream: a, model: l }] }
routes:
  - { name: default, difficulty: { threshold: ${threshold} } }
${more}`;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({ routes: yaml('0.5') });
});
afterAll(() => gateway.close());

const ask = async <Body>(path: string, method = 'GET', text?: string, headers: object = {}, key = ADMIN_KEY) => {
  const reply = await fetch(`${gateway.url}/admin/api${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    ...(text !== undefined && { body: JSON.stringify({ text }) }),
  });
  return { status: reply.status, etag: reply.headers.get('etag') ?? '', body: (await reply.json()) as Body };
};
type Failure = { error: { code: string; param: string | null } } & ConfigCheck;
const read = () => ask<ConfigView>('/config');
const save = <Body = ConfigView>(text: string, etag: string, key = ADMIN_KEY) =>
  ask<Body>('/config', 'PUT', text, { 'if-match': etag }, key);
const onDisk = () => readFileSync(gateway.configFile, 'utf8');
const viewer = async () => {
  const made = await gateway.access.manager.create(
    { kind: 'viewer', name: 'Vera' },
    { actor: 'test', actorKeyId: null, via: 'cli' },
  );
  return made.secret;
};

test('what is saved is in force with the answer, keeps the mode of the file, and tells who did it', async () => {
  chmodSync(gateway.configFile, 0o640);
  const { etag } = await read();
  const saved = await save(yaml('0.7'), etag);
  expect(saved.status).toBe(200);
  const view = ConfigViewSchema.parse(saved.body);
  expect(view).toMatchObject({ text: yaml('0.7'), textVersion: view.version, problems: [], isWritable: true });
  expect(saved.etag).toBe(`"${view.version}"`);
  expect(onDisk()).toBe(yaml('0.7'));
  expect(statSync(gateway.configFile).mode & 0o777).toBe(0o640);
  expect(readdirSync(dirname(gateway.configFile)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  const { body: history } = await ask<ConfigHistory>('/config/history');
  const changes = ['route `default` changed: difficulty.threshold 0.5 -> 0.7'];
  expect(history.loads.map(({ version, by, changes }) => ({ version, by, changes }))).toEqual([
    { version: view.version, by: 'admin key', changes },
    { version: etag.slice(1, -1), by: null, changes: [] },
  ]);
  const { body: audit } = await ask<AuditPage>('/audit?limit=1');
  expect(audit.entries[0]).toMatchObject({
    action: 'config.update',
    actor: 'admin key',
    target: gateway.configFile,
    before: { version: etag.slice(1, -1) },
    after: { version: view.version, changes },
  });
  expect(JSON.stringify(audit)).not.toContain('sk-written');
});

test('of two editors who began with the same text only the first saves', async () => {
  const { etag } = await read();
  const results = await Promise.all([save(yaml('0.61'), etag), save(yaml('0.62'), etag)]);
  expect(results.map(({ status }) => status).sort()).toEqual([200, 412]);
  expect(onDisk()).toBe(yaml(results[0]?.status === 200 ? '0.61' : '0.62'));
  for (const header of [etag, '', '*', '"nonsense"', `W/${etag}`]) {
    expect((await save(yaml('0.63'), header)).status).toBe(header === etag ? 412 : 400);
  }
});

test.each([
  ['a mistake', yaml('2'), { problems: [{ path: 'routes[0].difficulty.threshold', line: 9 }] }],
  ['no YAML', 'version: [', { problems: [{ line: 1 }] }],
  ['nothing', '', { problems: [{ line: 1 }] }],
  [
    'a failing test',
    yaml('0.5', 'tests: [{ prompt: "Hi", expect: { tier: large } }]'),
    {
      problems: [],
      tests: 1,
      failedTests: [{ prompt: 'Hi', message: expect.stringContaining('tier small, not large') }],
    },
  ],
])('%s is told with its place and not written', async (_, text, expected) => {
  const before = onDisk();
  const { etag } = await read();
  const check = await ask<ConfigCheck>('/config/check', 'POST', text);
  expect(check).toMatchObject({ status: 200, body: { ok: false, ...expected } });
  const saved = await save<Failure>(text, etag);
  expect(saved).toMatchObject({ status: 422, body: { error: { code: 'config_invalid' }, ...expected } });
  expect(onDisk()).toBe(before);
  expect((await read()).etag).toBe(etag);
});

test('a check of a good text writes nothing and asks for no version', async () => {
  const before = onDisk();
  const { status, body } = await ask<ConfigCheck>('/config/check', 'POST', yaml('0.9'));
  expect([status, body.ok, body.problems, body.warnings.length]).toEqual([200, true, [], 1]);
  expect(JSON.stringify(body)).not.toContain('sk-written');
  expect(onDisk()).toBe(before);
});

test('a viewer reads the text without its secrets, and changes nothing', async () => {
  const key = await viewer();
  const { body, etag } = await ask<ConfigView>('/config', 'GET', undefined, {}, key);
  expect(body.text).toContain('apiKey: **');
  expect(body.text).not.toContain('sk-written');
  expect((await save(yaml('0.1'), etag, key)).status).toBe(403);
  expect((await ask('/config/check', 'POST', yaml('0.1'), {}, key)).status).toBe(403);
  expect((await ask('/config/history', 'GET', undefined, {}, key)).status).toBe(200);
});

test('a change on disk is in the history as nobody in particular, and a link stays a link', async () => {
  const target = join(dirname(gateway.configFile), 'elsewhere.yaml');
  renameSync(gateway.configFile, target);
  symlinkSync(target, gateway.configFile);
  writeFileSync(target, yaml('0.33'));
  await until(
    async () =>
      (await read()).body.text === yaml('0.33') && (await read()).body.version === (await read()).body.textVersion,
  );
  const { body } = await ask<ConfigHistory>('/config/history');
  expect(body.loads[0]).toMatchObject({ by: null, changes: [expect.stringContaining('-> 0.33')] });
  const { etag } = await read();
  expect((await save(yaml('0.34'), etag)).status).toBe(200);
  expect(lstatSync(gateway.configFile).isSymbolicLink()).toBe(true);
  expect(readFileSync(target, 'utf8')).toBe(yaml('0.34'));
});

test('a text beyond the limit of a configuration is refused', async () => {
  const { etag } = await read();
  expect((await save('#'.repeat(1_048_577), etag)).status).toBe(400);
  expect((await save('#'.repeat(3_000_000), etag)).status).toBe(413);
});
