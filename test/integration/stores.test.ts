import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { doctorCommand } from '../../src/cli/doctor/doctor.ts';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { type Gateway, startGateway } from '../../src/gateway.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { readSettings } from '../../src/settings.ts';
import { chat, post } from '../support/chat-client.ts';
import { runCommand } from '../support/command-context.ts';
import { CLOSED_URL, FaultyUpstream } from '../support/faulty-upstream.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const ADMIN = { authorization: 'Bearer rsa-admin' };
const folder = mkdtempSync(join(tmpdir(), 'rightsize-test-'));
const config = join(folder, 'routes.yaml');
/** For commands that would ask the upstream for what it has not. */
const unreachable = join(folder, 'unreachable.yaml');
let postgres: PostgresServer;
let upstream: FaultyUpstream;

beforeAll(async () => {
  [postgres, upstream] = await Promise.all([startPostgres(), FaultyUpstream.start()]);
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url });
  writeFileSync(unreachable, JSON.stringify(twoTierRoutes({ small: CLOSED_URL, large: CLOSED_URL })));
  const team = { budget: { usd: 0.005, per: 'month' } };
  writeFileSync(config, JSON.stringify({ ...routes, teams: { spender: team }, tests: [] }));
}, 60_000);
afterAll(async () => {
  await Promise.all([postgres.close(), upstream.close()]);
  rmSync(folder, { recursive: true, force: true });
});

let directories = 0;
const environmentOf = (databaseUrl: string | null) => ({
  RIGHTSIZE_ADMIN_KEY: 'rsa-admin',
  RIGHTSIZE_LOG_LEVEL: 'silent',
  RIGHTSIZE_DATA_DIR: join(folder, `data-${++directories}`),
  ...(databaseUrl !== null && { DATABASE_URL: databaseUrl }),
});
const start = (environment: Record<string, string>): Promise<Gateway> =>
  startGateway(readSettings({ config, port: '0' }, environment), { environment, clock: systemClock });
const admin = async (gateway: Gateway, path: string, body?: object) => {
  const method = body === undefined ? 'GET' : 'POST';
  const headers = { ...ADMIN, 'content-type': 'application/json', 'x-rightsize-admin': '1' };
  const reply = await fetch(`${gateway.url}/admin/api${path}`, { method, headers, body: body && JSON.stringify(body) });
  return { status: reply.status, text: await reply.text() };
};

/** What would break out of a text in SQL, by the quoting of either database, and what neither can hold. */
const EVIL = [
  `'; DROP TABLE entries; --`,
  `" OR "1"="1`,
  `x') OR 1=1; DELETE FROM rightsize_keys; --`,
  `\\'; SELECT pg_sleep(10); --`,
  `$1 ?1 :a @b %s {{x}} $$`,
  `é ☃ 🙂 \u202e`,
  `a\u0000b`,
];

describe.each(['sqlite', 'postgres'])('with everything in %s', (store) => {
  let gateway: Gateway;
  let secret: string;
  beforeAll(async () => {
    gateway = await start(environmentOf(store === 'postgres' ? await postgres.newDatabase() : null));
    const made = JSON.parse((await admin(gateway, '/keys', { name: 'first', team: 'default' })).text);
    secret = made.secret;
  }, 30_000);
  afterAll(() => gateway.close(0));

  const from = new Date(Date.now() - 3_600_000).toISOString();
  const to = new Date(Date.now() + 3_600_000).toISOString();

  test('no text of a key, a tag, a header, a report or a filter is ever read as SQL', async () => {
    for (const evil of EVIL) {
      const word = encodeURIComponent(evil);
      // Text that is refused is refused for what it is: never an error of the database.
      const made = await admin(gateway, '/keys', { name: evil, team: evil, tags: { [evil]: evil } });
      expect([201, 400], made.text).toContain(made.status);
      const key = { authorization: `Bearer ${secret}` };
      const asked = await chat(gateway.url, { metadata: { [evil]: evil }, user: evil, model: 'auto' }, key);
      expect(asked.status, asked.text).toBe(200);
      const named = await chat(gateway.url, { model: evil }, key);
      expect(named.status, named.text).toBe(404);
      const header = word.slice(0, 60);
      const headers = { 'x-rightsize-session': header, 'x-rightsize-route': header, 'x-rightsize-tier': header };
      expect((await chat(gateway.url, {}, { ...key, ...headers })).status).toBeLessThan(500);
      expect((await chat(gateway.url, {}, { authorization: `Bearer ${header}` })).status).toBe(401);
      expect((await post(gateway.url, { model: evil, input: evil }, key, '/v1/embeddings')).status).toBe(404);
      const range = `from=${from}&to=${to}`;
      for (const path of [
        ...['team', 'keyId', 'route', 'tier', 'model'].flatMap((name) => [
          `/report/summary?${range}&${name}=${word}`,
          `/report/series?${range}&${name}=${word}`,
          `/requests?${name}=${word}`,
        ]),
        `/report/breakdown?${range}&by=tag&tag=${word}`,
        `/report/breakdown?${range}&by=${word}`,
        `/report/difficulty?${range}&team=${word}`,
        `/report/summary?from=${word}&to=${word}`,
        `/requests?outcome=${word}`,
        `/requests?cursor=${word}`,
        `/requests?limit=${word}`,
        `/requests/${word}`,
        `/keys/${word}`,
        `/audit?before=${word}`,
      ]) {
        const { status, text } = await admin(gateway, path);
        expect([200, 400, 404], `${path}: ${text}`).toContain(status);
        expect(text).not.toMatch(/syntax error|SQLITE|sqlstate/i);
      }
    }
    // What was there is there, and only what was asked for is found.
    const sums = await until(async () => {
      const { text } = await admin(gateway, `/report/summary?from=${from}&to=${to}&team=default`);
      const { now } = JSON.parse(text);
      return now.ok === EVIL.length ? now : null;
    });
    expect(sums.requests).toBeGreaterThan(EVIL.length);
    const nobody = await admin(
      gateway,
      `/report/summary?from=${from}&to=${to}&team=${encodeURIComponent(`' OR '1'='1`)}`,
    );
    expect(JSON.parse(nobody.text).now.requests).toBe(0);
    expect((await admin(gateway, '/keys')).text).toContain('"first"');
  }, 60_000);
});

describe('Postgres shared by gateways', () => {
  const doctor = async (environment: Record<string, string>) => {
    const { stdout } = await runCommand(
      (context) => doctorCommand({ config: unreachable, port: '0', json: true }, context),
      environment,
    );
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    return { of: (check: string) => findings.find((finding) => finding.check === check) };
  };

  test('a gateway without any past of its own knows what a budget has spent', async () => {
    const url = await postgres.newDatabase();
    const environment = environmentOf(url);
    expect((await doctor(environment)).of('postgres tables')?.detail).toContain('by the next start');
    const first = await start(environment);
    const { secret } = JSON.parse((await admin(first, '/keys', { name: 'a', team: 'spender' })).text);
    const key = { authorization: `Bearer ${secret}` };
    const large = { model: 'large', max_tokens: 100 };
    let spent = 0;
    for (
      let reply = await chat(first.url, large, key);
      reply.status === 200;
      reply = await chat(first.url, large, key)
    ) {
      spent += Number(reply.headers['x-rightsize-cost-usd']);
    }
    expect(spent).toBeGreaterThan(0.003);
    await until(
      async () => (await doctor(environment)).of('outbox')?.detail.startsWith('0 '),
      10_000,
      'all in Postgres',
    );
    await first.close(0);

    const second = await start(environmentOf(url));
    expect((await chat(second.url, large, key)).status).toBe(429);
    const { rows } = JSON.parse((await admin(second, '/budgets')).text);
    expect(rows[0].spentNanoUsd / 1e9).toBeCloseTo(spent, 9);
    await second.close(0);
    expect((await doctor(environment)).of('postgres tables')).toMatchObject({ state: 'ok', detail: 'up to date' });
  }, 60_000);

  test('doctor says what waits while it is down, and that it is', async () => {
    const environment = environmentOf(await postgres.newDatabase());
    const gateway = await start(environment);
    const { secret } = JSON.parse((await admin(gateway, '/keys', { name: 'a', team: 'default' })).text);
    await chat(gateway.url, {}, { authorization: `Bearer ${secret}` });
    await postgres.kill();
    for (let i = 0; i < 3; i++) await chat(gateway.url, {}, { authorization: `Bearer ${secret}` });
    const { of } = await doctor(environment);
    expect(of('postgres')).toMatchObject({ state: 'broken' });
    expect(of('outbox')?.detail).toMatch(/^[34] ledger entries wait/);
    await gateway.close(0);
    await postgres.start();
  }, 60_000);
});
