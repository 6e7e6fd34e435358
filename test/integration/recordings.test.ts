import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ExportOptions, exportCommand } from '../../src/cli/export.ts';
import { RECORDING_TABLES, SqlRecordings } from '../../src/ledger/sql-recordings.ts';
import { maskSecrets } from '../../src/lib/mask-secrets.ts';
import { SqliteDatabase } from '../../src/lib/sqlite-database.ts';
import { chat, post } from '../support/chat-client.ts';
import { runCommand } from '../support/command-context.ts';
import { ANSWER, FaultyUpstream, good } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { temporaryDirectory } from '../support/run-cli.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const DAY_MS = 86_400_000;
const SECRET = `sk-proj-${'a1B2c3D4'.repeat(5)}`;

let upstream: FaultyUpstream;
let gateway: TestGateway;
const clock = new ManualClock(Date.parse('2026-05-01T12:00:00Z'));

const routesWith = (record: unknown) => {
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url });
  const route = { tier: 'small', retries: 0 };
  return {
    ...routes,
    routes: [
      {
        name: 'kept',
        match: { model: 'kept' },
        ...route,
        ...(record !== undefined && { record }),
        cache: { ttl: '1h' },
      },
      { name: 'brief', match: { model: 'brief' }, ...route, tier: 'large', record: { prompts: '1h' } },
      { name: 'private', match: { model: 'private' }, ...route },
    ],
  };
};

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  gateway = await startGateway({
    routes: routesWith('prompts'),
    clock,
    keys: [
      { secret: 'sk-a', caller: { keyId: 'key_a', team: 'red' } },
      { secret: 'sk-b', caller: { keyId: 'key_b', team: 'blue' } },
    ],
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const ask = (model: string, content: string, body: object = {}) => {
  clock.advance(1);
  return chat(gateway.url, { model, messages: [{ role: 'user', content }], ...body }, { authorization: 'Bearer sk-a' });
};
const rows = (): Record<string, unknown>[] => {
  const database = new DatabaseSync(join(gateway.dataDir, 'recordings.sqlite'), { readOnly: true });
  const found = database.prepare('SELECT * FROM recordings ORDER BY at, id').all();
  database.close();
  return found;
};
const exported = async (options: ExportOptions = {}) => {
  const { code, stdout, stderr } = await runCommand(
    (context) => exportCommand({ dataDir: gateway.dataDir, config: gateway.configFile, ...options }, context),
    {},
    clock,
  );
  const lines = stdout.split('\n').filter((line) => line !== '');
  return { code, stderr, lines: lines.map((line) => JSON.parse(line)) };
};

describe('what is recorded', () => {
  test('complete answers of routes that say so, in every wire format, and nothing else', async () => {
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }];
    await ask('kept', 'plainly', { user: 'someone', metadata: { team: 'x' }, temperature: 0.5, tools });
    await ask('kept', 'in pieces', { stream: true });
    clock.advance(1);
    await post(
      gateway.url,
      { model: 'kept', input: 'as a response' },
      { authorization: 'Bearer sk-b' },
      '/v1/responses',
    );
    await ask('private', 'between us');
    await ask('kept', 'in pieces');
    upstream.always((call) => call.json({ error: { message: 'no' } }, 400));
    await ask('kept', 'refused');
    upstream.always(good);
    expect(rows().map(({ team, route, tier }) => [team, route, tier])).toEqual([
      ['red', 'kept', 'small'],
      ['red', 'kept', 'small'],
      ['blue', 'kept', 'small'],
    ]);
    const { lines } = await exported();
    expect(lines).toEqual([
      {
        messages: [
          { role: 'user', content: 'plainly' },
          { role: 'assistant', content: ANSWER },
        ],
        tools,
      },
      {
        messages: [
          { role: 'user', content: 'in pieces' },
          { role: 'assistant', content: ANSWER },
        ],
      },
      {
        messages: [
          { role: 'user', content: 'as a response' },
          { role: 'assistant', content: ANSWER },
        ],
      },
    ]);
    expect(rows()[0]?.['request']).not.toMatch(/someone|metadata/);
    expect(rows()[0]?.['request']).toContain('0.5');
    expect(statSync(join(gateway.dataDir, 'recordings.sqlite')).mode & 0o777).toBe(0o600);
  });

  test('no text that looks like a credential, in the prompt or the answer', async () => {
    upstream.always((call) => call.json(call.completion({ content: `Use ${SECRET}.` })));
    await ask('brief', `my key is ${SECRET}, and password=hunter2hunter2`);
    upstream.always(good);
    const { lines } = await exported({ route: ['brief'], format: 'full' });
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain(SECRET);
    expect(lines[0]).toMatchObject({
      route: 'brief',
      tier: 'large',
      model: 'vendor/large-1',
      escalated: false,
      request: { messages: [{ content: 'my key is [secret], and password=[secret]' }] },
      answer: { content: 'Use [secret].' },
    });
    expect(lines[0]).not.toHaveProperty('keyId');
  });

  test.each([
    `rs-${'x'.repeat(43)}`,
    `rsa-${'y'.repeat(43)}`,
    'AKIAIOSFODNN7EXAMPLE',
    `ghp_${'A'.repeat(36)}`,
    '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----',
    `eyJ${'a'.repeat(20)}.eyJ${'b'.repeat(20)}.${'c'.repeat(20)}`,
  ])('%s is masked', (secret) => {
    expect(maskSecrets(`before ${secret} after`)).toBe('before [secret] after');
  });

  test.each(['a sk-ill', 'the rs-232 port', 'secret: no', 'password policy', 'Bearer of news'])(
    '%s is left',
    (text) => {
      expect(maskSecrets(text)).toBe(text);
    },
  );
});

describe('what is exported', () => {
  test('only what the filters name', async () => {
    expect((await exported({ team: 'blue' })).lines).toHaveLength(1);
    expect((await exported({ team: "red' OR '1'='1" })).lines).toHaveLength(0);
    expect((await exported({ tier: 'large' })).lines).toHaveLength(1);
    expect((await exported({ escalated: true })).lines).toHaveLength(0);
    expect((await exported({ since: new Date(clock.now() + 1).toISOString() })).lines).toHaveLength(0);
  });

  test('nothing of a route that does not say so now, though it once did', async () => {
    const other = join(temporaryDirectory(), 'routes.yaml');
    writeFileSync(other, JSON.stringify(routesWith(undefined)));
    expect((await exported({ config: other })).lines).toHaveLength(1);
    await expect(exported({ config: other, route: ['kept'] })).rejects.toThrow('has no `record: prompts`');
    await expect(exported({ route: ['private'] })).rejects.toThrow('has no `record: prompts`');
  });

  test('with an entry in the audit log for each export', async () => {
    clock.advance(1);
    await exported({ team: 'red' });
    const [entry] = await gateway.access.registry.audit({ limit: 1 });
    expect(entry).toMatchObject({
      action: 'recordings.export',
      target: 'recordings',
      via: 'cli',
      after: { team: 'red', routes: ['kept', 'brief'], format: 'openai' },
    });
  });

  test('nothing after its retention, and then it is deleted', async () => {
    clock.advance(3_600_000);
    expect((await exported({ route: ['brief'] })).lines).toHaveLength(0);
    expect((await exported({ route: ['kept'] })).lines).toHaveLength(3);
    await until(() => {
      clock.advance(600_000);
      return rows().every(({ route }) => route === 'kept');
    });
  });
});

test('beyond the greatest size of all recordings the oldest go', async () => {
  const database = new SqliteDatabase({ file: ':memory:', steps: RECORDING_TABLES });
  const store = new SqlRecordings(database, { maxTotalBytes: 20_000 });
  const recording = (index: number) => ({
    id: `req_${index}`,
    at: index,
    expiresAt: DAY_MS,
    team: 'red',
    keyId: null,
    route: 'kept',
    tier: 'small',
    upstream: 'u',
    model: 'm',
    difficulty: null,
    isEscalated: false,
    request: { messages: [{ role: 'user', content: 'x'.repeat(100) }] },
    answer: { role: 'assistant', content: 'y'.repeat(100) },
  });
  for (let index = 0; index < 200; index++) await store.keep(recording(index));
  expect(await store.keep({ ...recording(999), answer: { content: 'z'.repeat(2_000_000) } })).toBe(false);
  const query = { routes: ['kept'], fromMs: 0, toMs: DAY_MS, team: null, tier: null, isEscalated: false };
  const kept: string[] = [];
  for await (const { id } of store.read(query, 0)) kept.push(id);
  expect(kept.length).toBeLessThan(100);
  expect(kept.at(-1)).toBe('req_199');
  await store.close();
});
