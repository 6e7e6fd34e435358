import type { NanoUsd } from '../lib/money.ts';
import type { Account, BudgetAccount } from './account.ts';

/**
 * Something to count against an account. An `amount` of 0 is never refused and only reads.
 * `mayOverdraw`: counted whatever the limit.
 */
export type Charge = { account: Account; amount: number; mayOverdraw?: boolean };

/** What one request sets aside at one time, on accounts of which none comes twice. */
export type Reservation = { id: string; charges: Charge[] };

/** An account as a request finds it: with its own charge in it when that was admitted. */
export type Standing = {
  /** What counts against the limit. */
  used: number;
  /** Of a budget, without what is only set aside. */
  settled: number;
  isExceeded: boolean;
  /** When the charge would fit, in milliseconds; 0 when it does, and for a budget. */
  retryAfterMs: number;
  /** When nothing would count any more if nothing else came, in milliseconds; 0 for what has no time. */
  resetMs: number;
};

export type ReserveResult =
  /** `standings` in the order of the charges. A refusal changes nothing. */
  | { outcome: 'admitted' | 'refused'; standings: Standing[] }
  /** Nothing was done: what these budgets have spent must be told by `sync` first. */
  | { outcome: 'unknown'; accounts: BudgetAccount[] };

/**
 * Port: the counters of limits and budgets.
 *
 * A reservation is admitted as a whole or not at all, in one atomic step, so that concurrent requests cannot pass a limit
 * together. Whatever is not settled lapses by itself: requests and tokens a minute after they were counted, the rest
 * `LEASE_MS` after it was reserved or last renewed, so that a process that dies holds nothing for long.
 *
 * A minute is counted in tenths of a second, so a place is free again after 60.0 to 60.1 s.
 */
export interface CounterStore {
  reserve(reservation: Reservation): Promise<ReserveResult>;
  /**
   * Puts the truth in the place of the estimates. Only the first call for a reservation counts. Money counts also when
   * the reservation has lapsed, for an hour.
   * @returns what each budget of the reservation has spent by now, in their order.
   */
  settle(reservation: Reservation, used: Used): Promise<NanoUsd[]>;
  /** Makes leases last `LEASE_MS` from now; one that has lapsed is taken again. */
  renew(reservations: Reservation[]): Promise<void>;
  /**
   * Tells what a budget has spent according to this gateway's ledger. Raises what was counted from this ledger to it and
   * never lowers it, so it may be told at any time.
   */
  sync(account: BudgetAccount, spent: NanoUsd): Promise<void>;
  /** How each account stands; null for a budget that must be told what was spent. */
  read(accounts: Account[]): Promise<(Standing | null)[]>;
}

/** What a request has truly used. */
export type Used = { tokens: number; costNanoUsd: NanoUsd };

export const LEASE_MS = 30_000;
/** How long a lapsed reservation of money is remembered, so that its settlement still counts, once. */
export const LAPSED_MS = 3_600_000;
/** A minute in steps, and how long a step is. */
export const STEP_MS = 100;
export const STEPS = 600;
/** How long to wait for one of the requests under way to end: nobody knows. */
export const CONCURRENT_RETRY_MS = 1_000;
