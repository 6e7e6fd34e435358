import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import type { NanoUsd } from '../lib/money.ts';
import { type Account, type BudgetAccount, keyOf } from './account.ts';
import {
  type Charge,
  CONCURRENT_RETRY_MS,
  type CounterStore,
  LAPSED_MS,
  LEASE_MS,
  type Reservation,
  type ReserveResult,
  type Standing,
  type Used,
} from './counter-store.ts';
import { MinuteWindow } from './minute-window.ts';

/** Accounts remembered at the same time; the one used least recently starts afresh beyond that. */
const MAX_ACCOUNTS = 50_000;

/** Money of one period. Both maps have what ends first in front. */
type Purse = {
  spent: NanoUsd;
  held: NanoUsd;
  leases: Map<string, { amount: NanoUsd; until: number }>;
  /** Until when a reservation that has lapsed may still be settled. */
  lapsed: Map<string, number>;
};

/** Counts in this process. */
export class MemoryCounterStore implements CounterStore {
  readonly #clock: Pick<Clock, 'elapsed'>;
  readonly #windows = new LRUCache<string, MinuteWindow>({ max: MAX_ACCOUNTS });
  /** By account: until when each request under way holds its place. */
  readonly #places = new LRUCache<string, Map<string, number>>({ max: MAX_ACCOUNTS });
  readonly #purses = new LRUCache<string, Purse>({ max: MAX_ACCOUNTS });

  constructor(clock: Pick<Clock, 'elapsed'>) {
    this.#clock = clock;
  }

  async reserve({ id, charges }: Reservation): Promise<ReserveResult> {
    const standings = charges.map((charge) => this.#standing(charge));
    const unknown = charges.filter((_, index) => standings[index] === null);
    if (unknown.length > 0) {
      return { outcome: 'unknown', accounts: unknown.map(({ account }) => account as BudgetAccount) };
    }
    const isRefused = charges.some(({ mayOverdraw }, index) => standings[index]?.isExceeded && !mayOverdraw);
    if (isRefused) return { outcome: 'refused', standings: standings as Standing[] };
    for (const charge of charges) if (charge.amount > 0) this.#add(id, charge);
    return { outcome: 'admitted', standings: charges.map((charge) => this.#after(charge)) };
  }

  async settle({ id, charges }: Reservation, used: Used): Promise<NanoUsd[]> {
    const spent: NanoUsd[] = [];
    for (const { account } of charges) {
      const key = keyOf(account);
      if (account.meter === 'tokens') this.#windows.get(key)?.settle(id, used.tokens);
      if (account.meter === 'concurrent') this.#places.get(key)?.delete(id);
      if (account.meter === 'budget') spent.push(this.#pay(key, id, used.costNanoUsd));
    }
    return spent;
  }

  async renew(reservations: Reservation[]): Promise<void> {
    const until = this.#clock.elapsed() + LEASE_MS;
    for (const { id, charges } of reservations) {
      for (const { account, amount } of charges) {
        if (account.meter === 'concurrent') putLast(this.#placesOf(keyOf(account)), id, until);
        if (account.meter === 'budget') renewLease(this.#purse(keyOf(account)), id, amount, until);
      }
    }
  }

  async sync(account: BudgetAccount, spent: NanoUsd): Promise<void> {
    const purse = this.#purses.get(keyOf(account));
    if (purse === undefined) {
      this.#purses.set(keyOf(account), { spent, held: 0, leases: new Map(), lapsed: new Map() });
    } else purse.spent = Math.max(purse.spent, spent);
  }

  async read(accounts: Account[]): Promise<(Standing | null)[]> {
    return accounts.map((account) => this.#standing({ account, amount: 0 }));
  }

  /** How an account stands before a charge; null for a budget that nobody has told anything of. */
  #standing({ account, amount }: Charge): Standing | null {
    const key = keyOf(account);
    const now = this.#clock.elapsed();
    const isOver = (used: number) => amount > 0 && used + amount > account.limit;
    if (account.meter === 'budget') {
      const purse = this.#purse(key);
      if (purse === null) return null;
      const used = purse.spent + purse.held;
      return { used, settled: purse.spent, isExceeded: isOver(used), retryAfterMs: 0, resetMs: 0 };
    }
    if (account.meter === 'concurrent') {
      const used = this.#placesOf(key).size;
      const retryAfterMs = isOver(used) ? CONCURRENT_RETRY_MS : 0;
      return { used, settled: used, isExceeded: isOver(used), retryAfterMs, resetMs: 0 };
    }
    const window = this.#windowOf(key);
    const used = window.used(now);
    const retryAfterMs = isOver(used) ? window.untilFits(amount, account.limit, now) : 0;
    return { used, settled: used, isExceeded: isOver(used), retryAfterMs, resetMs: window.resetMs(now) };
  }

  #after({ account }: Charge): Standing {
    return this.#standing({ account, amount: 0 }) as Standing;
  }

  #add(id: string, { account, amount }: Charge): void {
    const key = keyOf(account);
    const now = this.#clock.elapsed();
    if (account.meter === 'budget') {
      const purse = this.#purses.get(key) as Purse;
      purse.held += amount;
      purse.leases.set(id, { amount, until: now + LEASE_MS });
    } else if (account.meter === 'concurrent') {
      this.#placesOf(key).set(id, now + LEASE_MS);
    } else {
      this.#windowOf(key).add(account.meter === 'tokens' ? id : null, amount, now);
    }
  }

  #pay(key: string, id: string, cost: NanoUsd): NanoUsd {
    const purse = this.#purse(key);
    if (purse === null) return 0;
    const lease = purse.leases.get(id);
    if (lease !== undefined) purse.held -= lease.amount;
    if (purse.leases.delete(id) || purse.lapsed.delete(id)) purse.spent += cost;
    return purse.spent;
  }

  #purse(key: string): Purse | null {
    const purse = this.#purses.get(key);
    if (purse === undefined) return null;
    const now = this.#clock.elapsed();
    for (const [id, { amount, until }] of purse.leases) {
      if (until > now) break;
      purse.leases.delete(id);
      purse.held -= amount;
      purse.lapsed.set(id, until + LAPSED_MS);
    }
    for (const [id, until] of purse.lapsed) {
      if (until > now) break;
      purse.lapsed.delete(id);
    }
    return purse;
  }

  #placesOf(key: string): Map<string, number> {
    const places = this.#places.get(key) ?? new Map<string, number>();
    this.#places.set(key, places);
    const now = this.#clock.elapsed();
    for (const [id, until] of places) {
      if (until > now) break;
      places.delete(id);
    }
    return places;
  }

  #windowOf(key: string): MinuteWindow {
    const window = this.#windows.get(key) ?? new MinuteWindow();
    this.#windows.set(key, window);
    return window;
  }
}

const renewLease = (purse: Purse | null, id: string, amount: NanoUsd, until: number): void => {
  if (purse === null) return;
  if (purse.lapsed.delete(id)) purse.held += amount;
  else if (!purse.leases.has(id)) return;
  putLast(purse.leases, id, { amount, until });
};

const putLast = <Value>(map: Map<string, Value>, key: string, value: Value): void => {
  map.delete(key);
  map.set(key, value);
};
