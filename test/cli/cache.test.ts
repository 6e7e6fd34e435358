import { Writable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type CacheOptions, cacheClearCommand, cacheStatsCommand } from '../../src/cli/cache.ts';
import { CacheReportSchema } from '../../src/contract/admin/cache.ts';
import { AnyUpstream, sendJson } from '../support/any-upstream.ts';
import { chat } from '../support/chat-client.ts';
import { FaultyUpstream } from '../support/faulty-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ADMIN_KEY, startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

let upstream: FaultyUpstream;
let embedder: AnyUpstream;
let gateway: TestGateway;
const clock = new ManualClock(1_700_000_000_000);

beforeAll(async () => {
  upstream = await FaultyUpstream.start();
  embedder = await AnyUpstream.start((request) =>
    sendJson(request, { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [1, 0] }] }),
  );
  const route = { cache: { ttl: '1d', semantic: { embeddings: 'sentences' } } };
  const routes = twoTierRoutes({ small: upstream.url, large: upstream.url }, { route });
  const code = { name: 'code', match: { model: 'code' }, tier: 'large', cache: { ttl: '1d' } };
  gateway = await startGateway({
    clock,
    routes: {
      ...routes,
      upstreams: { ...routes.upstreams, vectors: { kind: 'openai-compatible', url: embedder.url } },
      models: [{ name: 'sentences', upstream: 'vectors', model: 'minilm' }],
      routes: [code, ...routes.routes],
    },
    keys: [
      { secret: 'rs-one', caller: { keyId: 'key_1', team: 'one' } },
      { secret: 'rs-two', caller: { keyId: 'key_2', team: 'two' } },
    ],
  });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  await embedder.close();
});

const run = async (command: typeof cacheStatsCommand, options: CacheOptions, adminKey = ADMIN_KEY) => {
  const written = { stdout: '', stderr: '' };
  const into = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(piece, _encoding, done) {
        written[name] += piece;
        done();
      },
    });
  const environment = { RIGHTSIZE_ADMIN_KEY: adminKey };
  const code = await command(
    { url: gateway.url, ...options },
    { environment, stdout: into('stdout'), stderr: into('stderr') },
  );
  return { code, ...written };
};
const counts = async (options: CacheOptions = {}, command = cacheStatsCommand) => {
  const { stdout } = await run(command, { ...options, json: true });
  return CacheReportSchema.parse(JSON.parse(stdout)).rows.map(
    ({ team, route, entries }) => `${team} ${route} ${entries}`,
  );
};
const questions = async (options: CacheOptions = {}, command = cacheStatsCommand) => {
  const { stdout } = await run(command, { ...options, json: true });
  return CacheReportSchema.parse(JSON.parse(stdout)).questions.rows.map(
    ({ team, route, entries }) => `${team} ${route} ${entries}`,
  );
};
const ask = (team: string, model: string, content: string) =>
  chat(gateway.url, { model, messages: [{ role: 'user', content }] }, { authorization: `Bearer rs-${team}` });

beforeEach(async () => {
  await run(cacheClearCommand, {});
  await ask('one', 'auto', 'a');
  await ask('one', 'code', 'b');
  clock.advance(3_600_000);
  await ask('two', 'auto', 'c');
});

test('stats tell entries and bytes by team and route, as a table or as JSON', async () => {
  expect(await counts()).toEqual(['one code 1', 'one default 1', 'two default 1']);
  expect(await counts({ team: 'one', route: 'code' })).toEqual(['one code 1']);
  const { code, stdout } = await run(cacheStatsCommand, {});
  expect(code).toBe(0);
  expect(stdout).toMatch(/^team +route +entries +kB +questions +kB\none +code +1 +\d+\.\d +0 +0\.0\n/);
  expect(stdout).toMatch(/\ntwo +default +1 +\d+\.\d +1 +\d+\.\d\ntotal +3 +\d+\.\d +2 +\d+\.\d\n$/);
});

test('questions of the semantic cache are counted and cleared with the answers that they lead to', async () => {
  expect(await questions()).toEqual(['one default 1', 'two default 1']);
  expect(await questions({ olderThan: '30m' })).toEqual(['one default 1']);
  expect(await questions({ team: 'two', dryRun: true }, cacheClearCommand)).toEqual(['two default 1']);
  expect(await questions({ route: 'code' }, cacheClearCommand)).toEqual([]);
  expect(await questions({ olderThan: '30m', route: 'default' }, cacheClearCommand)).toEqual(['one default 1']);
  expect(await questions()).toEqual(['two default 1']);
});

test('clear forgets what is named, and only that', async () => {
  expect(await counts({ olderThan: '30m', route: 'default' }, cacheClearCommand)).toEqual(['one default 1']);
  expect(await counts()).toEqual(['one code 1', 'two default 1']);
  expect((await ask('one', 'auto', 'a')).headers['x-rightsize-cache']).toBe('miss');
  expect((await ask('one', 'code', 'b')).headers['x-rightsize-cache']).toBe('hit');
  await run(cacheClearCommand, { team: 'one' });
  expect(await counts()).toEqual(['two default 1']);
});

test('a dry run says what would be forgotten, and forgets nothing', async () => {
  const { stderr } = await run(cacheClearCommand, { dryRun: true });
  expect(stderr).toContain('dry run');
  expect(await counts({ dryRun: true }, cacheClearCommand)).toHaveLength(3);
  expect(await counts()).toHaveLength(3);
});

test('who cleared what is in the audit log', async () => {
  await run(cacheClearCommand, { route: 'code' });
  const [entry] = await gateway.access.registry.audit({ limit: 1 });
  expect(entry).toMatchObject({
    action: 'cache.clear',
    target: 'cache',
    via: 'api',
    before: { route: 'code', entries: 1 },
  });
});

test.each([
  [{ olderThan: 'yesterday' }, /olderThan/],
  [{ url: 'http://127.0.0.1:1' }, /no gateway answers at http:\/\/127\.0\.0\.1:1 \(ECONNREFUSED\)/],
])('%j ends in words', async (options, words) => {
  await expect(run(cacheStatsCommand, options)).rejects.toThrow(words);
});

test('without the admin key nothing is told', async () => {
  await expect(run(cacheStatsCommand, {}, 'rs-one')).rejects.toThrow(/key/i);
});
