import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import type { RedisConnection } from '../../src/lib/redis-connection.ts';
import type { BudgetAccount, LimitAccount } from '../../src/limits/account.ts';
import type { Reservation } from '../../src/limits/counter-store.ts';
import { MemoryCounterStore } from '../../src/limits/memory-counter-store.ts';
import { RedisCounterStore } from '../../src/limits/redis-counter-store.ts';
import { StandbyCounterStore } from '../../src/limits/standby-counter-store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { connectRedis } from '../support/redis-connection.ts';
import { RedisServer } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

const MONEY: BudgetAccount = {
  meter: 'budget',
  subject: { kind: 'team', name: 'a' },
  limit: 100,
  period: { per: 'total', timeZone: 'UTC', key: 'total', startMs: 0, endMs: Number.POSITIVE_INFINITY },
  config: { usd: 1e-7, per: 'total', timeZone: 'UTC', onExceeded: 'reject', unknownPrice: 'reject' },
};
const REQUESTS: LimitAccount = { meter: 'requests', subject: { kind: 'team', name: 'a' }, limit: 3 };

/** A gateway's counters, with the ledger that it writes. */
class Gateway {
  readonly store: StandbyCounterStore;
  readonly redis: RedisConnection;
  readonly clock = new ManualClock();
  inLedger = 0;
  #lastId = 0;

  constructor(redis: RedisConnection, ledgerId: string) {
    this.redis = redis;
    this.store = new StandbyCounterStore({
      shared: new RedisCounterStore({ redis, clock: systemClock, ledgerId }),
      local: new MemoryCounterStore(systemClock),
      spend: { spent: async () => this.inLedger },
      clock: this.clock,
    });
  }

  /** Reserves money, telling what the ledger has where it is asked; null when it is refused. */
  async reserve(amount: number): Promise<Reservation | null> {
    const reservation = { id: `r${++this.#lastId} ${Math.random()}`, charges: [{ account: MONEY, amount }] };
    let result = await this.store.reserve(reservation);
    if (result.outcome === 'unknown') {
      await this.store.sync(MONEY, this.inLedger);
      result = await this.store.reserve(reservation);
    }
    return result.outcome === 'admitted' ? reservation : null;
  }

  /** As a request does: the ledger first. */
  async settle(reservation: Reservation | null, costNanoUsd: number): Promise<void> {
    if (reservation === null) throw new Error('there was no room');
    this.inLedger += costNanoUsd;
    await this.store.settle(reservation, { tokens: 0, costNanoUsd });
  }

  async spend(amount: number): Promise<void> {
    await this.settle(await this.reserve(amount), amount);
  }

  async spent(): Promise<number | undefined> {
    const [standing] = await this.store.read([MONEY]);
    if (standing === null) await this.store.sync(MONEY, this.inLedger);
    return (await this.store.read([MONEY]))[0]?.settled;
  }
}

let server: RedisServer;
let gateways: Gateway[];
beforeEach(async () => {
  server = await RedisServer.start();
  gateways = [];
  for (const name of ['ledger_a', 'ledger_b']) {
    gateways.push(new Gateway(await connectRedis(server.url, { commandTimeoutMs: 500 }), name));
  }
});
afterEach(async () => {
  for (const { redis } of gateways) await redis.close();
  await server.close();
});
const isBack = () => until(() => gateways.every(({ redis }) => redis.isUsable));

test('gateways share a budget, and each adds what its own ledger had', async () => {
  const [a, b] = gateways as [Gateway, Gateway];
  a.inLedger = 30;
  b.inLedger = 20;
  await a.spend(10);
  await b.spend(10);
  expect([await a.spent(), await b.spent()]).toEqual([70, 70]);
  expect(await a.reserve(31)).toBeNull();
  expect(a.store.isLocal).toBe(false);
});

test('while Redis is gone a budget goes on from what was last known, and Redis is told when it comes back empty', async () => {
  const [a, b] = gateways as [Gateway, Gateway];
  await a.spend(25);
  await b.spend(15);
  await a.spend(5);
  await server.kill();
  await until(() => !a.redis.isUsable);
  expect(await a.reserve(60)).toBeNull();
  expect(a.store.isLocal).toBe(true);
  await a.spend(40);
  expect(await a.reserve(20)).toBeNull();
  expect(await a.spent()).toBe(85);
  await server.start();
  await isBack();
  expect(await a.spent()).toBe(70);
  expect(await b.spent()).toBe(85);
  expect([await a.spent(), a.store.isLocal]).toEqual([85, false]);
  expect(await a.reserve(16)).toBeNull();
});

test('what was spent while Redis did not answer is told it when it answers again, with all that it still had', async () => {
  const [a] = gateways as [Gateway];
  await a.spend(25);
  const open = await a.reserve(30);
  server.freeze();
  await a.spend(20);
  // Reserved in Redis, settled without it.
  await a.settle(open, 10);
  expect(await a.spent()).toBe(55);
  server.thaw();
  await isBack();
  await until(async () => (await a.spent()) === 55 && !a.store.isLocal);
  expect((await gateways[1]!.store.read([MONEY]))[0]).toBeNull();
  expect(await gateways[1]!.spent()).toBe(55);
});

test('what the ledger knew too late is told a minute later, and never twice', async () => {
  const [a, b] = gateways as [Gateway, Gateway];
  await a.spend(10);
  a.inLedger += 30;
  expect(await a.spent()).toBe(10);
  a.clock.advance(60_000);
  await until(async () => (await a.spent()) === 40);
  a.clock.advance(60_000);
  await b.spend(5);
  expect(await a.spent()).toBe(45);
});

test('without Redis each gateway counts rates for itself', async () => {
  await server.kill();
  await until(() => gateways.every(({ redis }) => !redis.isUsable));
  for (const { store } of gateways) {
    const results = await Promise.all(
      [1, 2, 3, 4, 5].map((number) => store.reserve({ id: `${number}`, charges: [{ account: REQUESTS, amount: 1 }] })),
    );
    expect(results.filter(({ outcome }) => outcome === 'admitted')).toHaveLength(3);
  }
});
