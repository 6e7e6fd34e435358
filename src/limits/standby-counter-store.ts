import type { Clock } from '../lib/clock.ts';
import type { NanoUsd } from '../lib/money.ts';
import { type Account, type BudgetAccount, keyOf } from './account.ts';
import type { CounterStore, Reservation, ReserveResult, Standing, Used } from './counter-store.ts';
import { CountersUnavailable } from './counters-unavailable.ts';
import type { SpendSource } from './spend-source.ts';

export type StandbyOptions = {
  /** Throws CountersUnavailable when it cannot be reached. */
  shared: CounterStore;
  local: CounterStore;
  spend: SpendSource;
  clock: Pick<Clock, 'now' | 'after'>;
};

/** Every minute the shared counters are told again what the ledger has: it may have been behind, or out of reach. */
const TELL_EVERY_MS = 60_000;

/** Budgets remembered here, for what was last known of them and for telling; the one heard of longest ago is forgotten. */
const MAX_KNOWN = 50_000;

/**
 * Counts in the shared counters, and while they cannot be reached in this process alone: rates and concurrency from
 * nothing, so that each gateway lets through as much as all of them should; budgets from what was last known of them.
 * When the shared counters are back they are told from the ledger what was spent meanwhile.
 */
export class StandbyCounterStore implements CounterStore {
  readonly #options: StandbyOptions;
  /** Reservations that only this process knows of. */
  readonly #local = new Set<string>();
  readonly #known = new Map<string, NanoUsd>();
  /** Budgets of which the shared counters have missed something. */
  readonly #missed = new Map<string, BudgetAccount>();
  /** Budgets that the shared counters were told of. */
  readonly #met = new Map<string, BudgetAccount>();
  #cancelTelling: (() => void) | null = null;
  #isLocal = false;
  #telling: Promise<void> | null = null;

  constructor(options: StandbyOptions) {
    this.#options = options;
  }

  /** Whether the last use had to do without the shared counters. */
  get isLocal(): boolean {
    return this.#isLocal;
  }

  async reserve(reservation: Reservation): Promise<ReserveResult> {
    const { shared, local } = this.#options;
    const result = await this.#orElse(
      () => shared.reserve(reservation),
      async () => {
        await this.#tellLocal(reservation.charges.map(({ account }) => account));
        const result = await local.reserve(reservation);
        if (result.outcome === 'admitted') this.#local.add(reservation.id);
        return result;
      },
    );
    if (!this.#isLocal && result.outcome !== 'unknown') this.#learn(reservation, result.standings);
    return result;
  }

  async settle(reservation: Reservation, used: Used): Promise<NanoUsd[]> {
    const { shared, local } = this.#options;
    const budgets = reservation.charges.map(({ account }) => account).filter((account) => account.meter === 'budget');
    const spentHere = (): NanoUsd[] =>
      budgets.map((account) => {
        const spent = (this.#known.get(keyOf(account)) ?? 0) + used.costNanoUsd;
        this.#know(account, spent);
        this.#missed.set(keyOf(account), account);
        return spent;
      });
    if (this.#local.delete(reservation.id)) {
      const spent = await local.settle(reservation, used);
      spentHere();
      return spent;
    }
    return this.#orElse(
      async () => {
        const spent = await shared.settle(reservation, used);
        for (const [index, account] of budgets.entries()) this.#know(account, spent[index] ?? 0);
        return spent;
      },
      async () => {
        const spent = spentHere();
        await this.#tellLocal(budgets);
        return spent;
      },
    );
  }

  async renew(reservations: Reservation[]): Promise<void> {
    const { shared, local } = this.#options;
    await local.renew(reservations.filter(({ id }) => this.#local.has(id)));
    const remote = reservations.filter(({ id }) => !this.#local.has(id));
    if (remote.length === 0) return;
    await this.#orElse(
      () => shared.renew(remote),
      async () => {},
    );
  }

  async sync(account: BudgetAccount, spent: NanoUsd): Promise<void> {
    const { shared, local } = this.#options;
    if (this.#met.size < MAX_KNOWN) this.#met.set(keyOf(account), account);
    this.#cancelTelling ??= this.#tellLater();
    await this.#orElse(
      () => shared.sync(account, spent),
      async () => {
        this.#missed.set(keyOf(account), account);
        await local.sync(account, Math.max(spent, this.#known.get(keyOf(account)) ?? 0));
      },
    );
  }

  read(accounts: Account[]): Promise<(Standing | null)[]> {
    const { shared, local } = this.#options;
    return this.#orElse(
      () => shared.read(accounts),
      async () => {
        await this.#tellLocal(accounts);
        return local.read(accounts);
      },
    );
  }

  close(): void {
    this.#cancelTelling?.();
  }

  #tellLater(): () => void {
    return this.#options.clock.after(TELL_EVERY_MS, async () => {
      await this.#tellAgain().catch(() => {});
      this.#cancelTelling = this.#met.size > 0 ? this.#tellLater() : null;
    });
  }

  async #tellAgain(): Promise<void> {
    const { shared, spend, clock } = this.#options;
    for (const [key, account] of [...this.#met]) {
      if (clock.now() >= account.period.endMs) this.#met.delete(key);
      else await shared.sync(account, await spend.spent(account));
    }
  }

  async #orElse<Value>(ask: () => Promise<Value>, without: () => Promise<Value>): Promise<Value> {
    try {
      if (this.#missed.size > 0) await this.#tellShared();
      const value = await ask();
      this.#isLocal = false;
      return value;
    } catch (error) {
      if (!(error instanceof CountersUnavailable)) throw error;
      this.#isLocal = true;
      return without();
    }
  }

  /** One telling at a time; whoever comes meanwhile waits for it, or a budget would seem to have more than it has. */
  #tellShared(): Promise<void> {
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = null;
    });
    return this.#telling;
  }

  async #tellAll(): Promise<void> {
    const { shared, spend } = this.#options;
    for (const [key, account] of [...this.#missed]) {
      this.#missed.delete(key);
      try {
        await shared.sync(account, await spend.spent(account));
      } catch (error) {
        this.#missed.set(key, account);
        throw error;
      }
    }
  }

  async #tellLocal(accounts: Account[]): Promise<void> {
    for (const account of accounts) {
      const spent = account.meter === 'budget' ? this.#known.get(keyOf(account)) : undefined;
      if (spent !== undefined) await this.#options.local.sync(account as BudgetAccount, spent);
    }
  }

  #learn({ charges }: Reservation, standings: Standing[]): void {
    for (const [index, { account }] of charges.entries()) {
      if (account.meter === 'budget') this.#know(account, standings[index]?.settled ?? 0);
    }
  }

  #know(account: BudgetAccount, spent: NanoUsd): void {
    const key = keyOf(account);
    this.#known.delete(key);
    this.#known.set(key, spent);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}
