import { describe, expect, test } from 'vitest';
import { encodeAnswer } from '../../src/cache/answer-codec.ts';
import type { CachedAnswer, CacheStore, Claim } from '../../src/cache/cache-store.ts';
import { MemoryCacheStore } from '../../src/cache/memory-cache-store.ts';
import { RedisCacheStore } from '../../src/cache/redis-cache-store.ts';
import { NO_TOKENS } from '../../src/ledger/tokens.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { connectRedis } from '../support/redis-connection.ts';
import { redisOfSuite } from '../support/redis-of-suite.ts';
import { RedisServer } from '../support/redis-server.ts';

const NOW = 1_700_000_000_000;
const answer = (content: string, storedAt = NOW): CachedAnswer => ({
  completion: {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  },
  tokens: NO_TOKENS,
  tier: 'small',
  upstream: 'up',
  model: 'm',
  storedAt,
});
const place = (key: string, team = 'one', route = 'default') => ({ key, team, route });
const KEEP = { freshMs: 500, staleMs: 0, maxBytes: 1024 * 1024 };

const shared = redisOfSuite();

const adapters: [string, (clock: ManualClock) => CacheStore][] = [
  ['memory', (clock) => new MemoryCacheStore(clock)],
  ['Redis', (clock) => new RedisCacheStore({ redis: shared.redis, clock, teams: () => ['one', 'two'] })],
];

describe.each(adapters)('a store of answers in %s', (_, create) => {
  const start = () => {
    const clock = new ManualClock(NOW);
    return { clock, store: create(clock) };
  };
  const claimOf = async (store: CacheStore, key: string, options?: { isRefresh: boolean }): Promise<Claim> => {
    const claimed = await store.claim(place(key), options);
    if (claimed.kind !== 'mine') throw new Error(claimed.kind);
    return claimed.claim;
  };

  test('gives an answer back as it was, until its time is over, to the millisecond', async () => {
    const { clock, store } = start();
    await store.set(place('key'), answer('né ☃ 🙂'), KEEP);
    expect(await store.get(place('other'))).toBeNull();
    clock.advance(499);
    expect(await store.get(place('key'))).toEqual({ ...answer('né ☃ 🙂'), freshUntil: NOW + 500 });
    clock.advance(1);
    expect(await store.get(place('key'))).toBeNull();
  });

  test('a stale answer is there until the time for that is over too, and says since when it is stale', async () => {
    const { clock, store } = start();
    await store.set(place('key'), answer('hi'), { ...KEEP, staleMs: 300 });
    clock.advance(799);
    expect(await store.get(place('key'))).toMatchObject({ freshUntil: NOW + 500 });
    clock.advance(1);
    expect(await store.get(place('key'))).toBeNull();
  });

  test.each([100, 3_000, 400_000])('an answer of %i characters comes back whole', async (length) => {
    const { store } = start();
    const long = answer('añ☃🙂'.repeat(length / 4));
    await store.set(place('key'), long, { ...KEEP, maxBytes: 8 * 1024 * 1024 });
    expect((await store.get(place('key')))?.completion).toEqual(long.completion);
  });

  test('whoever changes an answer changes nothing for the next', async () => {
    const { store } = start();
    const stored = answer('hi');
    await store.set(place('key'), stored, KEEP);
    stored.completion.choices.length = 0;
    (await store.get(place('key')))!.completion.choices.length = 0;
    expect((await store.get(place('key')))?.completion).toEqual(answer('hi').completion);
  });

  test('an answer beyond the limit of its route is not kept, and its claim is given back', async () => {
    const { store } = start();
    const short = { ...KEEP, maxBytes: 2_000 };
    await store.set(place('key'), answer('x'.repeat(2_000)), short);
    expect(await store.get(place('key'))).toBeNull();
    const claim = await claimOf(store, 'key');
    await claim.land(answer('x'.repeat(2_000)), short);
    await claimOf(store, 'key');
  });

  test('what is absent is claimed, and what has landed is found by the next', async () => {
    const { store } = start();
    const claim = await claimOf(store, 'key');
    await claim.land(answer('hi'), KEEP);
    expect(await store.claim(place('key'))).toMatchObject({ kind: 'stored', answer: answer('hi') });
  });

  test('a refresh is claimed once at a time, whether or not there is an answer', async () => {
    const { store } = start();
    await store.set(place('key'), answer('hi'), KEEP);
    const claim = await claimOf(store, 'key', { isRefresh: true });
    expect(await store.claim(place('key'), { isRefresh: true })).toMatchObject({ kind: 'taken' });
    await claim.release();
    await claimOf(store, 'key', { isRefresh: true });
  });

  test('entries are counted and cleared by team, route and age, and nothing else goes', async () => {
    const { clock, store } = start();
    await store.set(place('a', 'one', 'chat'), answer('hi', clock.now()), KEEP);
    await store.set(place('b', 'one', 'chat'), answer('hi', clock.now()), KEEP);
    clock.advance(100);
    await store.set(place('c', 'one', 'code'), answer('hi', clock.now()), KEEP);
    await store.set(place('d', 'two', 'chat'), answer('hi', clock.now()), KEEP);
    const shown = async (filter = {}) =>
      (await store.usage(filter)).map(({ team, route, entries }) => `${team} ${route} ${entries}`);
    expect(await shown()).toEqual(['one chat 2', 'one code 1', 'two chat 1']);
    expect((await store.usage({ team: 'two' }))[0]?.bytes).toBeGreaterThan(100);
    expect(await shown({ route: 'chat', storedBefore: NOW + 100 })).toEqual(['one chat 2']);
    expect(await store.clear({ team: 'one', route: 'chat', storedBefore: NOW + 100 })).toMatchObject([{ entries: 2 }]);
    expect(await shown()).toEqual(['one code 1', 'two chat 1']);
    await store.clear({ team: 'two' });
    expect(await shown()).toEqual(['one code 1']);
    expect(await store.get(place('c', 'one', 'code'))).not.toBeNull();
    await store.clear({});
    expect(await shown()).toEqual([]);
  });
});

test('memory is bounded: beyond 64 MiB the oldest go', async () => {
  const store = new MemoryCacheStore(new ManualClock(NOW));
  // Random enough that it cannot be compressed to nothing.
  const noise = Array.from({ length: 60_000 }, (_, index) => Math.sin(index).toString(36)).join('');
  for (let index = 0; index < 260; index++) await store.set(place(`key ${index}`), answer(noise + index), KEEP);
  expect(await store.get(place('key 0'))).toBeNull();
  expect(await store.get(place('key 259'))).not.toBeNull();
  const [usage] = await store.usage({});
  expect(usage?.bytes).toBeGreaterThan(32 * 1024 * 1024);
  expect(usage?.bytes).toBeLessThanOrEqual(64 * 1024 * 1024);
});

test('an answer that is kept keeps no memory of others', async () => {
  const bytes = await encodeAnswer(answer('short'), KEEP);
  expect(bytes?.buffer.byteLength).toBe(bytes?.length);
});

describe('in Redis', () => {
  const create = () => new RedisCacheStore({ redis: shared.redis, clock: new ManualClock(NOW), teams: () => ['one'] });

  test('two gateways hold one claim, and who waits is told when the answer has landed', async () => {
    const [one, two] = [create(), create()];
    const claimed = await one.claim(place('key'));
    const taken = await two.claim(place('key'));
    if (claimed.kind !== 'mine' || taken.kind !== 'taken') throw new Error('not one claim');
    let isTold = false;
    const told = taken.changed().then(() => (isTold = true));
    await two.get(place('key'));
    expect(isTold).toBe(false);
    const subscribers = () =>
      shared.server.ask((client) => client.pubsub('NUMSUB', shared.redis.key('cache-landings')));
    while ((await subscribers())[1] !== 1);
    await claimed.claim.land(answer('hi'), KEEP);
    await told;
    expect(await two.claim(place('key'))).toMatchObject({ kind: 'stored' });
  });

  test('a claim ends with its holder: it has a lease', async () => {
    await create().claim(place('key'));
    const ttl = await shared.server.ask(async (client) => client.pttl((await client.keys('*claim*'))[0] as string));
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(5_000);
  });

  test('keys tell the tenant by its hash alone, hold a tag for clusters, and end by themselves', async () => {
    await create().set(place('f00d', 'secret-team', 'chat'), answer('hi'), KEEP);
    const keys = await shared.server.ask((client) => client.keys('*'));
    expect(keys).toEqual([expect.stringMatching(/^test:1:cache:[0-9a-f]{16}:chat:\{f00d\}$/)]);
    expect(await shared.server.ask((client) => client.pttl(keys[0] as string))).toBeGreaterThan(0);
    expect(await create().usage({})).toMatchObject([{ team: expect.stringMatching(/^#[0-9a-f]{16}$/), route: 'chat' }]);
  });

  test('bytes of another program are no answer, and harm nobody', async () => {
    const store = create();
    await store.set(place('key'), answer('hi'), KEEP);
    const [key = ''] = await shared.server.ask((client) => client.keys('*'));
    for (const bytes of ['', 'nonsense', `${'\x11'}${'x'.repeat(100)}`]) {
      await shared.server.ask((client) => client.set(key, bytes));
      expect(await store.get(place('key'))).toBeNull();
      expect((await store.claim(place('key'))).kind).not.toBe('stored');
    }
  });

  test('a cluster does as well: an entry and its claim are on one node, and all nodes are searched', async () => {
    const cluster = await RedisServer.start({ isCluster: true });
    const connection = await connectRedis(`redis+cluster://127.0.0.1:${cluster.port}`);
    const store = new RedisCacheStore({ redis: connection, clock: new ManualClock(NOW), teams: () => ['one'] });
    for (const key of ['a', 'b']) {
      const claimed = await store.claim(place(key));
      if (claimed.kind === 'mine') await claimed.claim.land(answer(key), KEEP);
      expect(await store.claim(place(key))).toMatchObject({ kind: 'stored', answer: answer(key) });
    }
    expect(await store.clear({ team: 'one' })).toMatchObject([{ team: 'one', route: 'default', entries: 2 }]);
    await connection.close();
    await cluster.close();
  });
});
