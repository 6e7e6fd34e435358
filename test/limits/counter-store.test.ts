import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Account, BudgetAccount, LimitAccount } from '../../src/limits/account.ts';
import { type Charge, type CounterStore, LEASE_MS, type Reservation } from '../../src/limits/counter-store.ts';
import { MemoryCounterStore } from '../../src/limits/memory-counter-store.ts';
import { RedisCounterStore } from '../../src/limits/redis-counter-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { connectRedis } from '../support/redis-connection.ts';
import { RedisServer } from '../support/redis-server.ts';

const START = Date.UTC(2026, 10, 22, 12);
/** A minute in steps of a tenth of a second, and one step more. */
const MINUTE_MS = 60_100;

type Adapter = { open(clock: ManualClock): CounterStore; close(): Promise<void> };

const openMemory = async (): Promise<Adapter> => ({
  open: (clock) => new MemoryCounterStore(clock),
  close: async () => {},
});

const openRedis = async (): Promise<Adapter> => {
  const server = await RedisServer.start();
  const connections: Awaited<ReturnType<typeof connectRedis>>[] = [];
  const redis = await connectRedis(server.url, { prefix: 'counters' });
  connections.push(redis);
  let opened = 0;
  return {
    open: (clock) => {
      const prefix = `store-${++opened}`;
      const named = { key: (...parts: string[]) => redis.key(prefix, ...parts), run: redis.run.bind(redis) };
      return new RedisCounterStore({ redis: named, ledgerId: 'a', clock, now: () => clock.now() });
    },
    close: async () => {
      await Promise.all(connections.map((connection) => connection.close()));
      await server.close();
    },
  };
};

const account = (meter: LimitAccount['meter'], limit: number, name = 'a'): LimitAccount => ({
  meter,
  subject: { kind: 'team', name },
  limit,
});
const budget = (limit: number, name = 'a'): BudgetAccount => ({
  meter: 'budget',
  subject: { kind: 'team', name },
  limit,
  period: { per: 'month', timeZone: 'UTC', key: 'month:2026-11-01:UTC', startMs: START, endMs: START + 86_400_000 },
  config: { usd: 1, per: 'month', timeZone: 'UTC', onExceeded: 'reject', unknownPrice: 'reject' },
});

describe.each([
  ['in memory', openMemory],
  ['in Redis', openRedis],
])('counters %s', (_name, openAdapter) => {
  let adapter: Adapter;
  let clock: ManualClock;
  let store: CounterStore;
  let lastId = 0;
  beforeAll(async () => {
    adapter = await openAdapter();
  });
  afterAll(() => adapter.close());
  beforeEach(() => {
    clock = new ManualClock(START);
    store = adapter.open(clock);
  });

  const charge = (...charges: [Account, number][]): Reservation => ({
    id: `req_${++lastId}`,
    charges: charges.map(([of, amount]): Charge => ({ account: of, amount })),
  });
  const reserve = async (...charges: [Account, number][]) => {
    const reservation = charge(...charges);
    const result = await store.reserve(reservation);
    if (result.outcome === 'unknown') throw new Error('a budget was not told');
    return { ...result, reservation };
  };
  const used = async (...accounts: Account[]) => (await store.read(accounts)).map((standing) => standing?.used);

  test('concurrent requests cannot pass a limit together', async () => {
    await store.sync(budget(300), 0);
    for (const [of, amount, fits] of [
      [account('requests', 3), 1, 3],
      [account('tokens', 100), 30, 3],
      [account('concurrent', 4), 1, 4],
      [budget(300), 100, 3],
    ] as const) {
      const results = await Promise.all(Array.from({ length: 50 }, () => reserve([of, amount])));
      expect(results.filter(({ outcome }) => outcome === 'admitted')).toHaveLength(fits);
    }
  });

  test('all charges of a reservation are counted, or none of them', async () => {
    const [requests, tokens, concurrent, money] = [
      account('requests', 10),
      account('tokens', 100),
      account('concurrent', 10),
      budget(1_000),
    ];
    await store.sync(money, 0);
    const fits = await reserve([requests, 1], [tokens, 60], [concurrent, 1], [money, 500]);
    expect(fits.outcome).toBe('admitted');
    expect(fits.standings.map((standing) => standing.used)).toEqual([1, 60, 1, 500]);
    const before = await used(requests, tokens, concurrent, money);
    const refused = await reserve([requests, 1], [tokens, 60], [concurrent, 1], [money, 100]);
    expect(refused.outcome).toBe('refused');
    expect(refused.standings.map(({ isExceeded }) => isExceeded)).toEqual([false, true, false, false]);
    expect(await used(requests, tokens, concurrent, money)).toEqual(before);
  });

  test('the minute slides: each request frees its place a minute after its own admission', async () => {
    const limited = account('requests', 3);
    for (let request = 0; request < 3; request++) {
      expect(await reserve([limited, 1])).toMatchObject({ outcome: 'admitted' });
      clock.advance(10_000);
    }
    // Admitted at 0, 10 and 20 s; now it is 30 s.
    const refused = await reserve([limited, 1]);
    expect(refused).toMatchObject({ outcome: 'refused', standings: [{ used: 3, retryAfterMs: MINUTE_MS - 30_000 }] });
    expect(refused.standings[0]?.resetMs).toBe(MINUTE_MS - 10_000);
    clock.advance(MINUTE_MS - 30_001);
    expect(await reserve([limited, 1])).toMatchObject({ outcome: 'refused', standings: [{ retryAfterMs: 1 }] });
    clock.advance(1);
    expect(await reserve([limited, 1])).toMatchObject({ outcome: 'admitted', standings: [{ used: 3 }] });
    clock.advance(3 * MINUTE_MS);
    expect(await used(limited)).toEqual([0]);
    expect((await store.read([limited]))[0]?.resetMs).toBe(0);
  });

  test('tokens wait until enough of them have left the minute, and the truth takes the place of the estimate', async () => {
    const limited = account('tokens', 1_000);
    const first = await reserve([limited, 600]);
    clock.advance(20_000);
    const second = await reserve([limited, 300]);
    expect(await reserve([limited, 200])).toMatchObject({
      outcome: 'refused',
      standings: [{ used: 900, retryAfterMs: MINUTE_MS - 20_000 }],
    });
    await store.settle(second.reservation, { tokens: 50, costNanoUsd: 0 });
    expect(await reserve([limited, 200])).toMatchObject({ outcome: 'admitted', standings: [{ used: 850 }] });
    await store.settle(first.reservation, { tokens: 0, costNanoUsd: 0 });
    expect(await used(limited)).toEqual([250]);
    // More than there is room for at any time waits the whole minute.
    expect(await reserve([limited, 2_000])).toMatchObject({ standings: [{ retryAfterMs: 60_000 }] });
    clock.advance(MINUTE_MS);
    await store.settle((await reserve([limited, 10])).reservation, { tokens: 700, costNanoUsd: 0 });
    expect(await used(limited)).toEqual([700]);
  });

  test('a settlement counts once, and late ones change nothing in a minute that is over', async () => {
    const [tokens, concurrent, money] = [account('tokens', 100), account('concurrent', 2), budget(1_000)];
    await store.sync(money, 0);
    const { reservation } = await reserve([tokens, 80], [concurrent, 1], [money, 400]);
    const truth = { tokens: 30, costNanoUsd: 150 };
    expect(await store.settle(reservation, truth)).toEqual([150]);
    await store.settle(reservation, truth);
    await store.settle({ ...reservation, id: 'req_never_seen' }, truth);
    expect(await used(tokens, concurrent, money)).toEqual([30, 0, 150]);
    const late = await reserve([tokens, 60]);
    clock.advance(2 * MINUTE_MS);
    await store.settle(late.reservation, { tokens: 90, costNanoUsd: 0 });
    expect(await used(tokens)).toEqual([0]);
  });

  test('an orphan lets go of its place and its money after the lease, and what it really cost still counts, once', async () => {
    const [concurrent, money] = [account('concurrent', 1), budget(1_000)];
    await store.sync(money, 0);
    const { reservation } = await reserve([concurrent, 1], [money, 900]);
    clock.advance(LEASE_MS - 1);
    expect(await reserve([concurrent, 1], [money, 900])).toMatchObject({ outcome: 'refused' });
    clock.advance(1);
    expect(await used(concurrent, money)).toEqual([0, 0]);
    expect(await store.settle(reservation, { tokens: 0, costNanoUsd: 250 })).toEqual([250]);
    await store.settle(reservation, { tokens: 0, costNanoUsd: 250 });
    expect(await used(money)).toEqual([250]);
  });

  test('a lease that is renewed lasts, and one that had lapsed is taken again', async () => {
    const [concurrent, money] = [account('concurrent', 1), budget(1_000)];
    await store.sync(money, 0);
    const { reservation } = await reserve([concurrent, 1], [money, 900]);
    for (let renewal = 0; renewal < 4; renewal++) {
      clock.advance(LEASE_MS - 1);
      await store.renew([reservation]);
    }
    expect(await used(concurrent, money)).toEqual([1, 900]);
    clock.advance(LEASE_MS);
    expect(await used(concurrent, money)).toEqual([0, 0]);
    await store.renew([reservation]);
    expect(await used(concurrent, money)).toEqual([1, 900]);
    await store.settle(reservation, { tokens: 0, costNanoUsd: 10 });
    await store.renew([{ ...reservation, charges: reservation.charges.slice(1) }]);
    expect(await used(concurrent, money)).toEqual([0, 10]);
  });

  test('a budget that nobody has told is asked for, and nothing else is counted meanwhile', async () => {
    const [requests, known, unknown] = [account('requests', 5), budget(100), budget(100, 'b')];
    await store.sync(known, 40);
    expect(await store.read([known, unknown])).toMatchObject([{ used: 40, settled: 40 }, null]);
    expect(await store.reserve(charge([requests, 1], [known, 10], [unknown, 10]))).toEqual({
      outcome: 'unknown',
      accounts: [unknown],
    });
    expect(await used(requests, known)).toEqual([0, 40]);
  });

  test('what a ledger tells only ever raises what was counted', async () => {
    const money = budget(1_000);
    await store.sync(money, 300);
    await store.sync(money, 200);
    expect(await used(money)).toEqual([300]);
    await store.settle((await reserve([money, 100])).reservation, { tokens: 0, costNanoUsd: 80 });
    await store.sync(money, 380);
    expect(await used(money)).toEqual([380]);
    await store.sync(money, 500);
    expect(await used(money)).toEqual([500]);
  });

  test('a charge of nothing is never refused, and one that may overdraw is counted whatever the limit', async () => {
    const [requests, money] = [account('requests', 1), budget(100)];
    await store.sync(money, 150);
    await reserve([requests, 1]);
    expect(await reserve([requests, 0], [money, 0])).toMatchObject({
      outcome: 'admitted',
      standings: [{}, { used: 150 }],
    });
    const overdrawn = charge([money, 70]);
    expect(
      await store.reserve({ ...overdrawn, charges: [{ account: money, amount: 70, mayOverdraw: true }] }),
    ).toMatchObject({ outcome: 'admitted', standings: [{ used: 220 }] });
  });

  test('subjects, meters and periods do not share', async () => {
    const limited = [
      account('requests', 1),
      account('requests', 1, 'b'),
      account('tokens', 1),
      account('concurrent', 1),
    ];
    const next = { ...budget(1), period: { ...budget(1).period, key: 'month:2026-12-01:UTC' } };
    await store.sync(budget(1), 0);
    await store.sync(next, 0);
    for (const of of [...limited, budget(1), next])
      expect(await reserve([of, 1])).toMatchObject({ outcome: 'admitted' });
    for (const of of [...limited, budget(1), next])
      expect(await reserve([of, 1])).toMatchObject({ outcome: 'refused' });
  });

  test('amounts are exact beyond what 32 bits hold', async () => {
    const money = budget(9_000_000 * 1e9);
    const spent = 8_999_999 * 1e9 + 7;
    await store.sync(money, spent);
    const { reservation } = await reserve([money, 999_999_993]);
    await store.settle(reservation, { tokens: 0, costNanoUsd: 999_999_991 });
    expect(await used(money)).toEqual([spent + 999_999_991]);
  });

  test('whatever is reserved, settled, renewed and left: never more than the limit is admitted, and sums conserve', async () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constant('reserve' as const), amount: fc.integer({ min: 1, max: 60 }) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant('settle' as const), pick: fc.nat(), amount: fc.nat({ max: 60 }) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('renew' as const), pick: fc.nat() }) },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const time = new ManualClock(START);
        const counters = adapter.open(time);
        const [requests, tokens, concurrent, money] = [
          account('requests', 6),
          account('tokens', 200),
          account('concurrent', 4),
          budget(400),
        ];
        await counters.sync(money, 0);
        type Live = { reservation: Reservation; amount: number; at: number; until: number; cost: number | null };
        const all: Live[] = [];
        const now = () => time.now();
        /** What the contract says of each account, worked out from the history alone. */
        const expected = () => {
          const inMinute = all.filter(({ at }) => Math.floor(now() / 100) - Math.floor(at / 100) <= 600);
          const leased = all.filter(({ cost, until }) => cost === null && until > now());
          return [
            inMinute.length,
            inMinute.reduce((sum, { amount, cost }) => sum + (cost ?? amount), 0),
            leased.length,
            leased.reduce((sum, { amount }) => sum + amount, 0) + all.reduce((sum, { cost }) => sum + (cost ?? 0), 0),
          ];
        };
        for (const action of steps) {
          if (action.do === 'wait') time.advance(action.ms);
          if (action.do === 'reserve') {
            const { amount } = action;
            const reservation = charge([requests, 1], [tokens, amount], [concurrent, 1], [money, amount]);
            const [r = 0, t = 0, c = 0, m = 0] = expected();
            const fits = r < 6 && t + amount <= 200 && c < 4 && m + amount <= 400;
            const { outcome } = await counters.reserve(reservation);
            expect(outcome).toBe(fits ? 'admitted' : 'refused');
            if (fits) all.push({ reservation, amount, at: now(), until: now() + LEASE_MS, cost: null });
          }
          if (all.length === 0) continue;
          if (action.do === 'settle') {
            const live = all[action.pick % all.length] as Live;
            await counters.settle(live.reservation, { tokens: action.amount, costNanoUsd: action.amount });
            live.cost ??= action.amount;
          }
          if (action.do === 'renew') {
            const live = all[action.pick % all.length] as Live;
            // Nobody renews what is settled.
            if (live.cost !== null) continue;
            await counters.renew([live.reservation]);
            live.until = now() + LEASE_MS;
          }
          const standings = await counters.read([requests, tokens, concurrent, money]);
          expect(standings.map((standing) => standing?.used)).toEqual(expected());
        }
      }),
      { numRuns: 60 },
    );
  });
});
