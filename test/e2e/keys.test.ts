import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KeyView } from '../../src/contract/admin/keys.ts';
import { CLOSED_URL } from '../support/faulty-upstream.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { RedisServer } from '../support/redis-server.ts';
import { CliProcess, runCli, temporaryDirectory } from '../support/run-cli.ts';
import { twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const directory = temporaryDirectory();
const config = join(directory, 'routes.yaml');
writeFileSync(config, JSON.stringify(twoTierRoutes({ small: CLOSED_URL, large: CLOSED_URL })));
const ADMIN = 'rsa-admin-key-of-this-test';
const running: CliProcess[] = [];

const serve = async (args: string[], environment: Record<string, string> = {}) => {
  const gateway = new CliProcess(['serve', '--port', '0', '--config', config, ...args], {
    RIGHTSIZE_LOG_LEVEL: 'debug',
    ...environment,
  });
  running.push(gateway);
  return { gateway, url: await gateway.url() };
};
const models = async (url: string, secret: string) =>
  (await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } })).status;

afterAll(async () => {
  for (const gateway of running) gateway.kill('SIGTERM');
  await Promise.all(running.map(({ exited }) => exited));
  rmSync(directory, { recursive: true, force: true });
});

describe('two gateways that share Postgres and Redis', () => {
  let postgres: PostgresServer;
  let redis: RedisServer;
  let environment: Record<string, string>;
  type Started = { gateway: CliProcess; url: string };
  type Pair = [Started, Started];
  const gateways: Started[] = [];
  const secrets: string[] = [];

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), RedisServer.start()]);
    environment = {
      DATABASE_URL: await postgres.newDatabase(),
      REDIS_URL: redis.url,
      RIGHTSIZE_REDIS_TIMEOUT_MS: '5000',
      RIGHTSIZE_REDIS_CONNECT_TIMEOUT_MS: '5000',
      RIGHTSIZE_ADMIN_KEY: ADMIN,
    };
    const start = (name: string) => {
      mkdirSync(join(directory, name));
      return serve(['--data-dir', join(directory, name)], environment);
    };
    gateways.push(...(await Promise.all([start('a'), start('b')])));
  });
  afterAll(async () => {
    for (const { gateway } of gateways) {
      gateway.kill('SIGTERM');
      await gateway.exited;
    }
    await Promise.all([postgres.close(), redis.close()]);
  });

  const admin = async (path: string, method: string, body?: object) => {
    const reply = await fetch(`${gateways[0]?.url}/admin/api${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    expect(reply.status).toBeLessThan(300);
    return (await reply.json()) as { key: KeyView; secret: string };
  };
  const create = async (name: string) => {
    const made = await admin('/keys', 'POST', { name });
    secrets.push(made.secret);
    for (const { url } of gateways) expect(await models(url, made.secret)).toBe(200);
    return made;
  };
  const isRefusedBy = (url: string, secret: string) => async () => (await models(url, secret)) === 401;

  test('a key that is revoked at one is refused by the other at once', async () => {
    const { key, secret } = await create('pushed');
    await admin(`/keys/${key.id}`, 'DELETE');
    const [a, b] = gateways as Pair;
    expect(await models(a.url, secret)).toBe(401);
    await until(isRefusedBy(b.url, secret), 1_500, 'the other gateway to hear of it');
  });

  test('a key that is revoked on the command line is refused by both at once', async () => {
    const { key, secret } = await create('from a terminal');
    expect((await runCli(['keys', 'revoke', key.id], environment)).code).toBe(0);
    for (const { url } of gateways) await until(isRefusedBy(url, secret), 1_500, 'the gateway to hear of it');
  });

  test('with Redis gone a revocation holds at once where it is made, and elsewhere within five seconds', async () => {
    const { key, secret } = await create('unheard');
    await redis.kill();
    await admin(`/keys/${key.id}`, 'DELETE');
    const [a, b] = gateways as Pair;
    expect(await models(a.url, secret)).toBe(401);
    await until(isRefusedBy(b.url, secret), 6_000, 'the remembered key to be forgotten');
    await redis.start();
  });

  test('without Postgres known keys go on, unknown ones are put off, and nothing hangs', async () => {
    const { secret } = await create('survivor');
    await postgres.kill();
    const [, b] = gateways as Pair;
    expect(await models(b.url, secret)).toBe(200);
    const stranger = await fetch(`${b.url}/v1/models`, { headers: { authorization: `Bearer rs-${'x'.repeat(43)}` } });
    expect(stranger.status).toBe(503);
    expect(await stranger.json()).toMatchObject({ error: { code: 'key_store_unavailable' } });
    const admins = await fetch(`${b.url}/admin/api/keys`, { headers: { authorization: `Bearer ${ADMIN}` } });
    expect([admins.status, await admins.json()]).toMatchObject([503, { error: { code: 'key_store_unavailable' } }]);
    const { services } = (await (await fetch(`${b.url}/readyz`)).json()) as {
      services: Record<string, { state: string }>;
    };
    expect(services['postgres']).toMatchObject({ state: 'down' });
    await postgres.start();
    await until(isRefusedBy(b.url, `rs-${'x'.repeat(43)}`), 10_000, 'Postgres to be back');
  });

  test('no secret has been logged', () => {
    for (const { gateway } of gateways) {
      for (const secret of [...secrets, ADMIN]) expect(gateway.stdout + gateway.stderr).not.toContain(secret.slice(4));
    }
    expect(secrets.length).toBeGreaterThan(3);
  });
});
