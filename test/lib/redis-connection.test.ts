import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Logger } from '../../src/lib/logger.ts';
import type { RedisConnection } from '../../src/lib/redis-connection.ts';
import { connectRedis } from '../support/redis-connection.ts';
import { freePort, RedisServer } from '../support/redis-server.ts';
import { SlowProxy } from '../support/slow-proxy.ts';
import { until } from '../support/until.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});
const keep = <Thing extends { close(): unknown }>(thing: Thing): Thing => {
  open.push(thing);
  return thing;
};
const start = async (options?: Parameters<typeof RedisServer.start>[0]) => keep(await RedisServer.start(options));
const connect = async (...args: Parameters<typeof connectRedis>) => keep(await connectRedis(...args));

const ping = (redis: RedisConnection) => redis.use((client) => client.ping());
const PONG = { ok: true, value: 'PONG' };
const state = (redis: RedisConnection) => redis.state().state;

test('commands and scripts work on a server, over a socket, with a password and another database', async () => {
  const server = await start({ hasSocket: true, args: ['--requirepass', 'secret'] });
  const viaSocket = await connect(`unix://${server.socket}?password=secret&db=2`);
  const redis = await connect(`redis://:secret@127.0.0.1:${server.port}/2`);
  await viaSocket.use((client) => client.set(viaSocket.key('a', 'b'), 'value'));
  const script = { name: 'join', keyCount: 1, lua: 'return redis.call("GET", KEYS[1]) .. ARGV[1]' };
  expect(await redis.run(script, ['test:1:a:b'], ['!'])).toEqual({ ok: true, value: 'value!' });
  expect(await redis.run(script, ['test:1:a:b'], ['?'])).toEqual({ ok: true, value: 'value?' });
  expect(redis.state()).toMatchObject({ state: 'ready', trips: 0, uses: { ok: 2 } });
});

test('a cluster is one Redis: keys that share a tag can stand in one script', async () => {
  const server = await start({ isCluster: true });
  const redis = await connect(`redis+cluster://127.0.0.1:${server.port}`);
  const script = {
    name: 'both',
    keyCount: 2,
    lua: 'redis.call("SET", KEYS[1], "1") return redis.call("SET", KEYS[2], ARGV[1])',
  };
  expect(await redis.run(script, [redis.key('{tag}', 'a'), redis.key('{tag}', 'b')], ['2'])).toMatchObject({
    ok: true,
  });
  expect(await redis.use((client) => client.get(redis.key('{tag}', 'b')))).toEqual({ ok: true, value: '2' });
  const messages: string[] = [];
  redis.subscribe(
    'channel',
    (message) => messages.push(message),
    () => {},
  );
  await until(async () => {
    await redis.use((client) => client.publish('channel', 'hello'));
    return messages.length > 0;
  });
});

test('Sentinel says where the master is', async () => {
  const server = await start();
  const sentinel = await start({ sentinelOf: server.port });
  const redis = await connect(`redis+sentinel://127.0.0.1:${sentinel.port}/main`);
  expect(await ping(redis)).toEqual(PONG);
  expect(redis.state().detail).toBe(`redis+sentinel://127.0.0.1:${sentinel.port}/main`);
});

test('TLS is checked against the authority that the URL names', async () => {
  const server = await start();
  const file = (name: string) => join(server.directory, name);
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', file('key.pem'), '-out', file('cert.pem')],
    ],
    { stdio: 'ignore' },
  );
  const port = await freePort();
  await start({
    args: [
      ...['--tls-port', String(port), '--tls-auth-clients', 'no'],
      ...['--tls-cert-file', file('cert.pem'), '--tls-key-file', file('key.pem')],
    ],
  });
  expect(await ping(await connect(`rediss://localhost:${port}?ca=${file('cert.pem')}`))).toEqual(PONG);
  const stranger = await connect(`rediss://localhost:${port}`, { isReady: false });
  await stranger.settled(5_000);
  expect(stranger.state()).toMatchObject({ state: 'down', detail: expect.stringContaining('SELF_SIGNED') });
});

test('a server that is killed costs nobody a wait, and is used again when it is back, with empty data', async () => {
  const server = await start();
  const lines: unknown[] = [];
  const warn = (fields: object, message: string) => lines.push([message, fields]);
  const redis = await connect(server.url, { logger: { warn } as unknown as Logger });
  await redis.use((client) => client.set('a', '1'));
  const script = { name: 'read', keyCount: 1, lua: 'return redis.call("GET", KEYS[1])' };
  expect(await redis.run(script, ['a'], [])).toEqual({ ok: true, value: '1' });
  await server.kill();
  await until(() => state(redis) === 'down');
  expect(await ping(redis)).toEqual({ ok: false, reason: 'disconnected' });
  expect(redis.state().detail).toContain('requests go on without it');
  await server.start();
  await until(() => state(redis) === 'ready');
  expect(await redis.run(script, ['a'], [])).toEqual({ ok: true, value: null });
  expect(lines.map((line) => (line as unknown[])[0])).toEqual(['Redis is down', 'Redis is back']);
});

test('a server that stops answering is given up after three waits, and comes back by itself', async () => {
  const server = await start();
  const redis = await connect(server.url, { commandTimeoutMs: 50 });
  await until(async () => (await ping(redis)).ok);
  server.freeze();
  const during = await Promise.all(Array.from({ length: 20 }, () => ping(redis)));
  expect(new Set(during.map((result) => !result.ok && result.reason))).toEqual(new Set(['slow']));
  const { trips } = redis.state();
  for (let use = 0; use < 100; use++) {
    const result = await ping(redis);
    expect(result.ok || result.reason).toMatch(/open|disconnected/);
  }
  expect(redis.state()).toMatchObject({ state: 'down', uses: { slow: 20 } });
  expect(trips).toBeGreaterThanOrEqual(1);
  server.thaw();
  await until(async () => (await ping(redis)).ok, 10_000, 'Redis being used again');
});

test('latency beyond the limit keeps it out of use, however often it is probed', async () => {
  const server = await start();
  const proxy = keep(await SlowProxy.start(server.port));
  const redis = await connect(`redis://127.0.0.1:${proxy.port}`, { commandTimeoutMs: 100 });
  proxy.delayMs = 200;
  await until(async () => !(await ping(redis)).ok && redis.state().trips > 0);
  // Connected again through the slow line, and still not used.
  await until(() => proxy.openConnections === 1 && redis.state().detail.includes('no answer within 100 ms'));
  expect(await ping(redis)).toEqual({ ok: false, reason: 'open' });
  proxy.delayMs = 0;
  await until(async () => (await ping(redis)).ok, 10_000, 'Redis being used again');
});

test('a refusal is told apart from an outage, shows in the state, and opens nothing', async () => {
  const server = await start({ args: ['--maxmemory', '1mb', '--maxmemory-policy', 'noeviction'] });
  const redis = await connect(server.url);
  const set = () => redis.use((client) => client.set('big', 'x'.repeat(2_000_000)));
  await set();
  expect(await set()).toEqual({ ok: false, reason: 'refused' });
  expect(await ping(redis)).toEqual(PONG);
  expect(redis.state()).toMatchObject({ state: 'degraded', trips: 0, detail: expect.stringContaining('OOM') });
});

test('a wrong password is said, never shown', async () => {
  const server = await start({ args: ['--requirepass', 'right'] });
  const redis = await connect(`redis://:wrong-secret@127.0.0.1:${server.port}`, { isReady: false });
  await until(() => redis.state().detail.includes('WRONGPASS'));
  expect(JSON.stringify(redis.state())).not.toContain('wrong-secret');
});

test('more commands under way than there is room for fail at once', async () => {
  const server = await start();
  const redis = await connect(server.url);
  const results = await Promise.all(Array.from({ length: 5_000 }, () => ping(redis)));
  expect(results.filter(({ ok }) => ok)).toHaveLength(4_096);
  expect(redis.state().uses).toMatchObject({ ok: 4_096, busy: 904 });
});

test('a lost subscription comes back by itself, and its listener is told that messages may be missing', async () => {
  const server = await start();
  const proxy = keep(await SlowProxy.start(server.port));
  const redis = await connect(`redis://127.0.0.1:${proxy.port}`);
  const messages: string[] = [];
  let gaps = 0;
  const channel = redis.key('channel');
  const end = redis.subscribe(
    channel,
    (message) => messages.push(message),
    () => gaps++,
  );
  const other: string[] = [];
  redis.subscribe(
    redis.key('other'),
    (message) => other.push(message),
    () => {},
  );
  const publish = (to: string, message: string) => server.ask((client) => client.publish(to, message));
  await until(async () => (await publish(channel, 'one')) === 1 && (await publish(redis.key('other'), 'x')) === 1);
  await until(() => messages.includes('one') && other.length > 0);
  expect(gaps).toBe(0);
  proxy.cut();
  await until(() => gaps === 1);
  await publish(channel, 'two');
  await until(() => messages.includes('two'));
  end();
  await until(async () => (await publish(channel, 'three')) === 0);
  expect(messages).not.toContain('three');
});
