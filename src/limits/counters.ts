import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { NanoUsd } from '../lib/money.ts';
import type { Account, BudgetAccount, SubjectKind } from './account.ts';
import {
  type Charge,
  type CounterStore,
  LEASE_MS,
  type Reservation,
  type Standing,
  type Used,
} from './counter-store.ts';
import type { SpendSource } from './spend-source.ts';

export type CountersOptions = {
  store: CounterStore;
  /** What budgets have spent according to the ledger: asked when a budget is met for the first time. */
  spend: SpendSource;
  clock: Pick<Clock, 'now' | 'after'>;
  logger: Pick<Logger, 'error'>;
  /** Told what a budget has spent, after each request that spent of it. */
  onSpent?: (account: BudgetAccount, spent: NanoUsd) => void;
  onRefused?: (meter: Account['meter'], kind: SubjectKind) => void;
};

/** An account as a request found it. */
export type Found = { charge: Charge; standing: Standing };

/** What was set aside for a request. `settle` states what was truly used, once. Never rejects. */
export type Hold = { settle(used: Used): Promise<void> };

export type Reserved = { isAdmitted: boolean; found: Found[]; hold: Hold };

export const NOTHING_HELD: Hold = { settle: async () => {} };
const NOTHING_TO_COUNT: Reserved = { isAdmitted: true, found: [], hold: NOTHING_HELD };

/** A lease is renewed so often that two renewals may fail. */
const RENEW_EVERY_MS = LEASE_MS / 3;
/** Budgets told for the first time in the middle of a reservation; more than that is a store that forgets. */
const MOST_TELLINGS = 3;

/** The counters as requests use them: budgets that were never met are told from the ledger, leases are kept alive. */
export class Counters {
  readonly #options: CountersOptions;
  readonly #leased = new Set<Reservation>();
  readonly #settling = new Set<Promise<void>>();
  #cancelRenewal: (() => void) | null = null;
  #lastNumber = 0;

  constructor(options: CountersOptions) {
    this.#options = options;
  }

  /**
   * Sets all charges aside, or none.
   * @param requestId the reservation is named after it. Never rejects.
   */
  async reserve(requestId: string, charges: Charge[]): Promise<Reserved> {
    if (charges.length === 0) return NOTHING_TO_COUNT;
    const reservation: Reservation = { id: `${requestId}.${++this.#lastNumber}`, charges };
    const { outcome, standings } = await this.#reserve(reservation);
    const found = charges.map((charge, index) => ({ charge, standing: standings[index] as Standing }));
    if (outcome === 'refused') {
      return { isAdmitted: false, found, hold: NOTHING_HELD };
    }
    this.#keepAlive(reservation);
    return { isAdmitted: true, found, hold: { settle: (used) => this.#settle(reservation, used) } };
  }

  /** Counts a refusal that a request ends with, or a model is passed over for. */
  noteRefusal(found: Found[]): void {
    for (const { account } of exceededIn(found)) this.#options.onRefused?.(account.meter, account.subject.kind);
  }

  /** How accounts stand now; budgets that nobody has asked for are read from the ledger. */
  async read(accounts: Account[]): Promise<Standing[]> {
    const standings = await this.#options.store.read(accounts);
    const unknown = accounts.filter((_, index) => standings[index] === null) as BudgetAccount[];
    if (unknown.length === 0) return standings as Standing[];
    await this.#tell(unknown);
    const again = await this.#options.store.read(accounts);
    return again.map((standing) => standing ?? NOTHING_KNOWN);
  }

  /** Resolves when everything that was settled is counted. */
  async close(): Promise<void> {
    this.#cancelRenewal?.();
    await Promise.all(this.#settling);
  }

  async #reserve(reservation: Reservation): Promise<{ outcome: 'admitted' | 'refused'; standings: Standing[] }> {
    for (let tellings = 0; tellings < MOST_TELLINGS; tellings++) {
      const result = await this.#options.store.reserve(reservation);
      if (result.outcome !== 'unknown') return result;
      await this.#tell(result.accounts);
    }
    throw new Error('the counters forget budgets as soon as they are told');
  }

  async #tell(accounts: BudgetAccount[]): Promise<void> {
    const { spend, store } = this.#options;
    await Promise.all(accounts.map(async (account) => store.sync(account, await spend.spent(account))));
  }

  async #settle(reservation: Reservation, used: Used): Promise<void> {
    // The end of a request is told to its client without waiting for the counters.
    this.#leased.delete(reservation);
    const settling = this.#settleNow(reservation, used).finally(() => this.#settling.delete(settling));
    this.#settling.add(settling);
  }

  async #settleNow(reservation: Reservation, used: Used): Promise<void> {
    const { store, logger, onSpent } = this.#options;
    try {
      const spent = await store.settle(reservation, used);
      for (const [index, account] of budgetsOf(reservation).entries()) onSpent?.(account, spent[index] ?? 0);
    } catch (error) {
      logger.error({ err: error, reservation: reservation.id }, 'a reservation could not be settled');
    }
  }

  #keepAlive(reservation: Reservation): void {
    const hasLease = reservation.charges.some(
      ({ account: { meter }, amount }) => amount > 0 && (meter === 'concurrent' || meter === 'budget'),
    );
    if (!hasLease) return;
    this.#leased.add(reservation);
    this.#cancelRenewal ??= this.#renewLater();
  }

  #renewLater(): () => void {
    return this.#options.clock.after(RENEW_EVERY_MS, async () => {
      await this.#options.store.renew([...this.#leased]).catch((error: unknown) => {
        this.#options.logger.error({ err: error }, 'reservations could not be renewed');
      });
      this.#cancelRenewal = this.#leased.size > 0 ? this.#renewLater() : null;
    });
  }
}

/** The charges that did not fit. */
export const exceededIn = (found: Found[]): Charge[] =>
  found.filter(({ charge, standing }) => standing.isExceeded && !charge.mayOverdraw).map(({ charge }) => charge);

const budgetsOf = ({ charges }: Reservation): BudgetAccount[] =>
  charges.map(({ account }) => account).filter((account) => account.meter === 'budget');

const NOTHING_KNOWN: Standing = { used: 0, settled: 0, isExceeded: false, retryAfterMs: 0, resetMs: 0 };
