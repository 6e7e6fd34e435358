import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../src/lib/logger.ts';
import { migratePostgres, Postgres } from '../../src/lib/postgres.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { until } from '../support/until.ts';

let server: PostgresServer;
const opened: Postgres[] = [];
const logger = createLogger('silent');

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await Promise.all(opened.map((postgres) => postgres.close()));
  await server.close();
});

const open = (url: string): Postgres => {
  const postgres = new Postgres({ url, logger, connectTimeoutMs: 1_000, queryTimeoutMs: 1_000 });
  opened.push(postgres);
  return postgres;
};

test('numbers of 64 bits come as numbers, and values are parameters', async () => {
  const { query } = open(await server.newDatabase());
  const evil = "'; DROP TABLE x; --";
  expect(await query('SELECT $1::bigint AS money, $2::text AS text', [9_007_199_254_740_991, evil])).toEqual([
    { money: 9_007_199_254_740_991, text: evil },
  ]);
});

test('a transaction that throws leaves nothing, and its connection works on', async () => {
  const postgres = open(await server.newDatabase());
  await postgres.query('CREATE TABLE t (n INTEGER PRIMARY KEY)');
  const failing = postgres.transaction(async (query) => {
    await query('INSERT INTO t VALUES (1)');
    await query('INSERT INTO t VALUES (1)');
  });
  await expect(failing).rejects.toThrow('duplicate key');
  expect(await postgres.query('SELECT * FROM t')).toEqual([]);
});

test('several processes that migrate at once apply each step once; a newer database is refused', async () => {
  const url = await server.newDatabase();
  const steps = ['CREATE TABLE a (n INTEGER)', 'ALTER TABLE a ADD m INTEGER'];
  await Promise.all([1, 2, 3, 4].map(() => migratePostgres(open(url), 'keys', steps)));
  await migratePostgres(open(url), 'keys', [...steps, 'ALTER TABLE a ADD o INTEGER']);
  expect(await open(url).query('SELECT n, m, o FROM a')).toEqual([]);
  await expect(migratePostgres(open(url), 'keys', steps)).rejects.toThrow('version 3');
});

test('while Postgres is gone a query fails within its limit, and after its return the next one works', async () => {
  const postgres = open(await server.newDatabase());
  await postgres.query('SELECT 1');
  await server.kill();
  const before = performance.now();
  await expect(postgres.query('SELECT 1')).rejects.toThrow();
  expect(performance.now() - before).toBeLessThan(5_000);
  expect(postgres.state().state).toBe('down');
  await server.start();
  await until(() => postgres.query('SELECT 1').catch(() => null), 10_000);
  expect(postgres.state()).toEqual({ state: 'ready', detail: 'ready' });
  await expect(postgres.query('SELECT nonsense')).rejects.toThrow('nonsense');
  expect(postgres.state().state).toBe('ready');
});

test('a query that takes too long is given up', async () => {
  const postgres = open(await server.newDatabase());
  await expect(postgres.query('SELECT pg_sleep(30)')).rejects.toThrow(/timeout/i);
  expect(await postgres.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});
