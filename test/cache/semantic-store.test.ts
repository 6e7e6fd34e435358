import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { DetectedSemanticStore } from '../../src/cache/detected-semantic-store.ts';
import { MemorySemanticStore } from '../../src/cache/memory-semantic-store.ts';
import { MemoryServedSimilar } from '../../src/cache/memory-served-similar.ts';
import { factsOfQuestion } from '../../src/cache/question-facts.ts';
import { RedisSemanticStore } from '../../src/cache/redis-semantic-store.ts';
import { RedisServedSimilar } from '../../src/cache/redis-served-similar.ts';
import type { SemanticEntry, SemanticStore } from '../../src/cache/semantic-store.ts';
import { createLogger } from '../../src/lib/logger.ts';
import type { RedisConnection } from '../../src/lib/redis-connection.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { connectRedis } from '../support/redis-connection.ts';
import { RedisServer, vectorSetServers } from '../support/redis-server.ts';

const NOW = 1_700_000_000_000;
const HOUR = 3_600_000;
const partition = (id: string, team = 'one', route = 'default') => ({ id, team, route });
const P = partition('p');
const entry = (key: string, { team, route } = P): SemanticEntry => ({
  place: { key, team, route },
  facts: factsOfQuestion(key),
  text: key,
  observations: [],
});
const unit = (values: number[]): Float32Array => {
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
};
const all = { minSimilarity: -1, count: 1_000 };
const keysOf = (near: { entry: SemanticEntry }[]) => near.map(({ entry: { place } }) => place.key);

type Create = (clock: ManualClock, limits?: { entriesOfPartition: number }) => SemanticStore;

/** What every store of questions must do. */
const describeSemanticStore = (name: string, create: Create): void => {
  describe(`the store of questions ${name}`, () => {
    const start = (limits?: { entriesOfPartition: number }) => {
      const clock = new ManualClock(NOW);
      return { clock, store: create(clock, limits) };
    };

    test('the nearest come first, none that is not near enough, none of another partition', async () => {
      const { store } = start();
      await store.add(P, unit([1, 0, 0, 0]), entry('same'), HOUR);
      await store.add(P, unit([1, 1, 0, 0]), entry('near'), HOUR);
      await store.add(P, unit([0, 1, 0, 0]), entry('far'), HOUR);
      await store.add(partition('b'), unit([1, 0, 0, 0]), entry('other'), HOUR);
      const near = await store.nearest(P, unit([1, 0, 0, 0]), { minSimilarity: 0.5, count: 8 });
      expect(keysOf(near)).toEqual(['same', 'near']);
      expect(near.map(({ similarity }) => similarity.toFixed(2))).toEqual(['1.00', '0.71']);
      expect(keysOf(await store.nearest(P, unit([1, 0, 0, 0]), { minSimilarity: 0.5, count: 1 }))).toEqual(['same']);
    });

    test('two tenants share nothing, whatever else they have in common', async () => {
      const { store } = start();
      const other = partition(P.id, 'two');
      await store.add(P, unit([1, 0]), entry('mine'), HOUR);
      expect(await store.nearest(other, unit([1, 0]), all)).toEqual([]);
      await store.observe(other, 'mine', { similarity: 1, isRight: false });
      expect(await store.remove(other, 'mine')).toBe(false);
      expect((await store.nearest(P, unit([1, 0]), all))[0]?.entry.observations).toEqual([]);
    });

    test('an entry comes back as it was', async () => {
      const { store } = start();
      const observations = [{ similarity: 0.975, isRight: false }];
      const text = 'How tall is "K2" \\ in\nmétrés? ☃ 🙂 \ud83d "u":1';
      const full = { ...entry('key'), text, facts: factsOfQuestion(text), observations };
      await store.add(P, unit([1, 2, 3]), full, HOUR);
      expect((await store.nearest(P, unit([1, 2, 3]), all))[0]?.entry).toEqual(full);
    });

    test('a question is there once, and ends with its time', async () => {
      const { clock, store } = start();
      await store.add(P, unit([1, 0]), entry('one'), HOUR);
      await store.add(P, unit([0, 1]), entry('one'), HOUR);
      await store.add(P, unit([1, 1]), entry('two'), 2 * HOUR);
      const near = await store.nearest(P, unit([1, 0]), all);
      expect(near.map(({ similarity }) => similarity.toFixed(2))).toEqual(['0.71', '0.00']);
      clock.advance(HOUR);
      expect(keysOf(await store.nearest(P, unit([1, 0]), all))).toEqual(['two']);
    });

    test('another model of embeddings starts anew', async () => {
      const { store } = start();
      await store.add(P, unit([1, 0]), entry('one'), HOUR);
      await store.add(P, unit([1, 0, 0]), entry('two'), HOUR);
      expect(await store.nearest(P, unit([1, 0]), all)).toEqual([]);
      expect(keysOf(await store.nearest(P, unit([1, 0, 0]), all))).toEqual(['two']);
    });

    test('a full partition forgets its oldest', async () => {
      const { clock, store } = start({ entriesOfPartition: 3 });
      for (const name of ['a', 'b', 'c', 'd', 'e']) {
        clock.advance(1);
        await store.add(P, unit([1, name.charCodeAt(0)]), entry(name), HOUR);
      }
      expect(keysOf(await store.nearest(P, unit([1, 0]), all)).sort()).toEqual(['c', 'd', 'e']);
    });

    test('what was observed stays with the entry, the newest of it, and goes with it', async () => {
      const { store } = start();
      await store.add(P, unit([1, 0]), entry('one'), HOUR);
      for (let i = 0; i < 40; i++) {
        expect(await store.observe(P, 'one', { similarity: i / 40, isRight: i % 2 === 1 })).toBe(true);
      }
      const [found] = await store.nearest(P, unit([1, 0]), all);
      expect(found?.entry.observations).toHaveLength(32);
      expect(found?.entry.observations.at(-1)).toEqual({ similarity: 39 / 40, isRight: true });
      expect(found?.entry.observations.at(-2)).toEqual({ similarity: 38 / 40, isRight: false });
      expect([await store.remove(P, 'one'), await store.remove(P, 'one')]).toEqual([true, false]);
      expect(await store.observe(P, 'one', { similarity: 1, isRight: true })).toBe(false);
      expect(await store.nearest(P, unit([1, 0]), all)).toEqual([]);
    });

    test('questions are counted and cleared by team, route and age, and nothing else goes', async () => {
      const { clock, store } = start();
      const [chat, code, others] = [
        partition('1', 'one', 'chat'),
        partition('2', 'one', 'code'),
        partition('3', 'two', 'chat'),
      ];
      for (const each of [chat, code, others]) {
        await store.add(each, unit([1, 0]), entry('old', each), 24 * HOUR);
        clock.advance(HOUR);
        await store.add(each, unit([0, 1]), entry('new', each), 24 * HOUR);
      }
      const counted = async (found: Promise<{ team: string; route: string; entries: number; bytes: number }[]>) =>
        (await found).map(({ team, route, entries, bytes }) => `${team} ${route} ${entries} ${bytes > 0}`);
      expect(await counted(store.usage({}))).toEqual(['one chat 2 true', 'one code 2 true', 'two chat 2 true']);
      const old = { storedBefore: NOW + 2 * HOUR };
      expect(await counted(store.usage(old))).toEqual(['one chat 2 true', 'one code 1 true']);
      expect(await counted(store.clear({ ...old, route: 'code' }))).toEqual(['one code 1 true']);
      expect(keysOf(await store.nearest(code, unit([1, 0]), all))).toEqual(['new']);
      expect(await counted(store.clear({ team: 'two' }))).toEqual(['two chat 2 true']);
      expect(await counted(store.usage({}))).toEqual(['one chat 2 true', 'one code 1 true']);
      await store.clear({});
      expect(await store.usage({})).toEqual([]);
    });
  });
};

describeSemanticStore(
  'in memory',
  (clock, limits) => new MemorySemanticStore(clock, { bytes: 1e9, entriesOfPartition: 100, ...limits }),
);

describe('in memory', () => {
  const clock = new ManualClock(NOW);

  test('it finds just what comparing with every vector finds', async () => {
    const component = fc.double({ min: -1, max: 1, noNaN: true }).filter((value) => Math.abs(value) > 1e-3);
    const vector = fc.array(component, { minLength: 7, maxLength: 7 }).map(unit);
    await fc.assert(
      fc.asyncProperty(
        fc.array(vector, { maxLength: 30 }),
        vector,
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        fc.nat(29),
        async (vectors, asked, least, removed) => {
          const store = new MemorySemanticStore(clock);
          for (const [index, each] of vectors.entries()) await store.add(P, each, entry(String(index)), HOUR);
          await store.remove(P, String(removed));
          const product = (each: Float32Array) => each.reduce((sum, value, i) => sum + value * (asked[i] as number), 0);
          // What is at the bound may fall to either side by rounding.
          const expected = vectors.flatMap((each, index) =>
            product(each) > least + 1e-6 && index !== removed ? [String(index)] : [],
          );
          const found = keysOf(await store.nearest(P, asked, { minSimilarity: least, count: 100 }));
          expect(found).toEqual(expect.arrayContaining(expected));
          expect(found.every((key) => product(vectors[Number(key)] as Float32Array) > least - 1e-6)).toBe(true);
          expect(found).not.toContain(String(removed));
        },
      ),
    );
  });

  test('a full partition keeps what was used of late', async () => {
    const store = new MemorySemanticStore(clock, { entriesOfPartition: 2, bytes: 1e9 });
    await store.add(P, unit([1, 0]), entry('first'), HOUR);
    await store.add(P, unit([0, 1]), entry('second'), HOUR);
    await store.nearest(P, unit([1, 0]), { minSimilarity: 0.9, count: 1 });
    await store.add(P, unit([1, 1]), entry('third'), HOUR);
    expect(keysOf(await store.nearest(P, unit([1, 0]), all)).sort()).toEqual(['first', 'third']);
  });

  test('beyond its bytes it forgets in the partition that was not used for longest', async () => {
    const store = new MemorySemanticStore(clock, { entriesOfPartition: 100, bytes: 10_000 });
    for (const name of ['a', 'b', 'c']) await store.add(partition(name), unit([1, 0]), entry(name), HOUR);
    expect(await store.nearest(partition('a'), unit([1, 0]), all)).toEqual([]);
    expect(keysOf(await store.nearest(partition('c'), unit([1, 0]), all))).toEqual(['c']);
  });
});

describe.each(vectorSetServers())('in vector sets of %s', (program) => {
  let server: RedisServer;
  let redis: RedisConnection;
  beforeAll(async () => {
    server = await RedisServer.start({ program });
    redis = await connectRedis(server.url);
  });
  afterAll(async () => {
    await redis.close();
    await server.close();
  });
  beforeEach(() => server.flush());
  const teams = () => ['one', 'two'];
  const create: Create = (clock, limits) =>
    new RedisSemanticStore({ redis, clock, teams, ...(limits && { maxQuestions: limits.entriesOfPartition }) });

  describeSemanticStore('in Redis', create);

  test('gateways share questions, and what was observed of them', async () => {
    const clock = new ManualClock(NOW);
    const [one, two] = [create(clock), create(clock)];
    await one.add(P, unit([1, 0]), entry('key'), HOUR);
    await two.observe(P, 'key', { similarity: 0.9, isRight: false });
    expect((await one.nearest(P, unit([1, 0]), all))[0]?.entry.observations).toEqual([
      { similarity: 0.9, isRight: false },
    ]);
    await two.remove(P, 'key');
    expect(await one.nearest(P, unit([1, 0]), all)).toEqual([]);
  });

  test('keys tell the tenant by its hash alone, hold a tag for clusters, and end by themselves', async () => {
    const store = create(new ManualClock(NOW));
    await store.add(P, unit([1, 0]), entry('key'), HOUR);
    const keys = (await server.ask((client) => client.keys('*'))).sort();
    expect(keys).toEqual([
      expect.stringMatching(/^test:1:semantic-order:[0-9a-f]{16}:default:\{p\}$/),
      expect.stringMatching(/^test:1:semantic:[0-9a-f]{16}:default:\{p\}$/),
    ]);
    for (const key of keys) expect(await server.ask((client) => client.pttl(key))).toBeGreaterThan(HOUR - 60_000);
  });

  test('a search finds nearly all that comparing with every vector finds', async () => {
    const store = create(new ManualClock(NOW), { entriesOfPartition: 1_000 });
    const vectors = Array.from({ length: 300 }, (_, row) =>
      unit(Array.from({ length: 16 }, (_, column) => Math.sin((row * 16 + column) ** 2))),
    );
    for (const [index, vector] of vectors.entries()) await store.add(P, vector, entry(String(index)), HOUR);
    const [asked] = vectors as [Float32Array];
    const product = (each: Float32Array) => each.reduce((sum, value, i) => sum + value * (asked[i] as number), 0);
    const expected = vectors.flatMap((each, index) => (product(each) >= 0.3 ? [String(index)] : []));
    const found = keysOf(await store.nearest(P, asked, { minSimilarity: 0.3, count: 300 }));
    expect(found[0]).toBe('0');
    expect(found.filter((key) => expected.includes(key)).length).toBeGreaterThan(expected.length * 0.98);
  });

  test('what another program wrote is nothing, and harms nobody', async () => {
    const store = create(new ManualClock(NOW));
    await store.add(P, unit([1, 0]), entry('key'), HOUR);
    const [set = ''] = await server.ask((client) => client.keys('test:1:semantic:*'));
    await server.ask((client) => client.call('VSETATTR', set, 'key', '{"u":9e15}'));
    expect(await store.nearest(P, unit([1, 0]), all)).toEqual([]);
    await server.ask((client) => client.set(set, 'text'));
    expect(await store.nearest(P, unit([1, 0]), all)).toEqual([]);
  });

  test('a server with vector sets is found out, and keeps the questions', async () => {
    const own = new MemorySemanticStore(new ManualClock(NOW));
    const shared = create(new ManualClock(NOW));
    const store = new DetectedSemanticStore({ redis, shared, own, logger: createLogger('silent') });
    await store.add(P, unit([1, 0]), entry('key'), HOUR);
    expect(await own.usage({})).toEqual([]);
    expect(keysOf(await shared.nearest(P, unit([1, 0]), all))).toEqual(['key']);
  });

  test('while Redis is gone nothing is found and nobody fails; clearing says that it cannot', async () => {
    const other = await RedisServer.start({ program });
    onTestFinished(() => other.close());
    const connection = await connectRedis(other.url);
    const store = new RedisSemanticStore({ redis: connection, clock: new ManualClock(NOW), teams });
    await store.add(P, unit([1, 0]), entry('key'), HOUR);
    await other.close();
    expect(await store.nearest(P, unit([1, 0]), all)).toEqual([]);
    await store.add(P, unit([1, 0]), entry('key'), HOUR);
    expect(await store.remove(P, 'key')).toBe(false);
    await expect(store.clear({})).rejects.toThrow('Redis does not answer');
    await connection.close();
  });
});

describe('with the Redis of this machine', () => {
  let server: RedisServer;
  let redis: RedisConnection;
  beforeAll(async () => {
    server = await RedisServer.start();
    redis = await connectRedis(server.url);
  });
  afterAll(async () => {
    await redis.close();
    await server.close();
  });

  test('what its version has decides where questions are kept', async () => {
    const clock = new ManualClock(NOW);
    const own = new MemorySemanticStore(clock);
    const shared = new RedisSemanticStore({ redis, clock, teams: () => [] });
    const store = new DetectedSemanticStore({ redis, shared, own, logger: createLogger('silent') });
    await store.add(P, unit([1, 0]), entry('key'), HOUR);
    const [, major] = /^redis_version:(\d+)/m.exec(await server.ask((client) => client.info('server'))) ?? [];
    expect(keysOf(await own.nearest(P, unit([1, 0]), all))).toEqual(Number(major) >= 8 ? [] : ['key']);
    expect(keysOf(await store.nearest(P, unit([1, 0]), all))).toEqual(['key']);
    await server.flush();
  });

  /** A user who may not see the commands is what a server is that does not have them. */
  test('one without vector sets is found out, and questions are kept in the process', async () => {
    const user = ['bare', 'on', 'nopass', '~*', '&*', '+@all', '-command'];
    await server.ask((client) => client.call('ACL', 'SETUSER', ...user));
    const connection = await connectRedis(`redis://bare:x@127.0.0.1:${server.port}`);
    const clock = new ManualClock(NOW);
    const own = new MemorySemanticStore(clock);
    const shared = new RedisSemanticStore({ redis: connection, clock, teams: () => [] });
    const store = new DetectedSemanticStore({ redis: connection, shared, own, logger: createLogger('silent') });
    await store.add(P, unit([1, 0]), entry('key'), HOUR);
    expect(keysOf(await own.nearest(P, unit([1, 0]), all))).toEqual(['key']);
    expect(keysOf(await store.nearest(P, unit([1, 0]), all))).toEqual(['key']);
    expect(await server.ask((client) => client.keys('test:1:semantic*'))).toEqual([]);
    await connection.close();
  });

  test('feedback finds a request of another gateway, of its own team alone, and of this one without Redis', async () => {
    const served = { partition: P, key: 'key', similarity: 0.9 };
    const [one, two] = [1, 2].map(() => new RedisServedSimilar(redis, new MemoryServedSimilar())) as [
      RedisServedSimilar,
      RedisServedSimilar,
    ];
    await one.note('req_1', served);
    expect(await two.find('req_1', 'one')).toEqual(served);
    expect([await one.find('req_1', 'two'), await two.find('req_1', 'two')]).toEqual([null, null]);
    await server.flush();
    expect(await one.find('req_1', 'one')).toEqual(served);
  });
});
