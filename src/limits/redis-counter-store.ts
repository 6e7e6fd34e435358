import type { Clock } from '../lib/clock.ts';
import type { NanoUsd } from '../lib/money.ts';
import type { RedisConnection, RedisScript } from '../lib/redis-connection.ts';
import { type Account, type BudgetAccount, keyOf } from './account.ts';
import type { CounterStore, Reservation, ReserveResult, Standing, Used } from './counter-store.ts';
import { CountersUnavailable } from './counters-unavailable.ts';
import { counterScript } from './redis-counter-scripts.ts';

export type RedisCounterOptions = {
  redis: Pick<RedisConnection, 'run' | 'key'>;
  /** Names the ledger whose sums `sync` tells; gateways that share a ledger share its name. */
  ledgerId: string;
  clock: Pick<Clock, 'now'>;
  /**
   * Milliseconds, for tests. Otherwise Redis tells the time: gateways whose clocks differ would let each other's
   * requests and leases lapse too early.
   */
  now?: () => number;
};

/** Late settlements and reports still find the counters of a period that is over. */
const GRACE_MS = 2 * 86_400_000;
/** All time has no end; an account that nobody touches for so long is read from the ledger again. */
const KEEP_TOTAL_MS = 90 * 86_400_000;
/** Accounts read in one script, which blocks the server while it runs. */
const READ_AT_ONCE = 50;
const RENEWED_AT_ONCE = 100;

/**
 * Counts in Redis, for all gateways together.
 * @throws CountersUnavailable from every method, when Redis has not answered; what was asked may have been done.
 */
export class RedisCounterStore implements CounterStore {
  readonly #options: RedisCounterOptions;

  constructor(options: RedisCounterOptions) {
    this.#options = options;
  }

  async reserve({ id, charges }: Reservation): Promise<ReserveResult> {
    const [outcome, ...numbers] = await this.#run<number[]>('reserve', charges, [
      id,
      this.#options.ledgerId,
      ...charges.flatMap(({ account, amount, mayOverdraw }) => [
        account.meter,
        amount,
        account.limit,
        mayOverdraw ? 1 : 0,
        this.#keepMs(account),
      ]),
    ]);
    const standings = charges.map((_, index) => toStanding(numbers.slice(index * 5, index * 5 + 5)));
    if (outcome !== UNKNOWN) {
      return { outcome: outcome === ADMITTED ? 'admitted' : 'refused', standings: standings as Standing[] };
    }
    const unknown = charges.filter((_, index) => standings[index] === null);
    return { outcome: 'unknown', accounts: unknown.map(({ account }) => account as BudgetAccount) };
  }

  async settle({ id, charges }: Reservation, { tokens, costNanoUsd }: Used): Promise<NanoUsd[]> {
    const meters = charges.map(({ account }) => account.meter);
    return this.#run('settle', charges, [id, this.#options.ledgerId, tokens, costNanoUsd, ...meters]);
  }

  async renew(reservations: Reservation[]): Promise<void> {
    for (let at = 0; at < reservations.length; at += RENEWED_AT_ONCE) {
      const renewed = reservations
        .slice(at, at + RENEWED_AT_ONCE)
        .map(({ id, charges }) =>
          this.#run('renew', charges, [id, ...charges.flatMap(({ account, amount }) => [account.meter, amount])]),
        );
      await Promise.all(renewed);
    }
  }

  async sync(account: BudgetAccount, spent: NanoUsd): Promise<void> {
    const [hash] = this.#keysOf(account) as [string, string];
    await this.#ask(counterScript('sync', 1), [hash], [this.#options.ledgerId, spent, this.#keepMs(account)]);
  }

  async read(accounts: Account[]): Promise<(Standing | null)[]> {
    const standings: (Standing | null)[] = [];
    for (let at = 0; at < accounts.length; at += READ_AT_ONCE) {
      const some = accounts.slice(at, at + READ_AT_ONCE).map((account) => ({ account, amount: 0 }));
      const args = some.flatMap(({ account }) => [account.meter, 0, account.limit, 0, this.#keepMs(account)]);
      const [, ...numbers] = await this.#run<number[]>('reserve', some, ['', this.#options.ledgerId, ...args]);
      standings.push(...some.map((_, index) => toStanding(numbers.slice(index * 5, index * 5 + 5))));
    }
    return standings;
  }

  #run<Value>(
    name: 'reserve' | 'settle' | 'renew',
    charges: { account: Account }[],
    args: (string | number)[],
  ): Promise<Value> {
    const keys = charges.flatMap(({ account }) => this.#keysOf(account));
    return this.#ask(counterScript(name, keys.length), keys, [this.#options.now?.() ?? '', ...args]);
  }

  async #ask<Value>(script: RedisScript, keys: string[], args: (string | number)[]): Promise<Value> {
    const result = await this.#options.redis.run<Value>(script, keys, args);
    if (!result.ok) throw new CountersUnavailable(result.reason);
    return result.value;
  }

  #keysOf(account: Account): string[] {
    const key = this.#options.redis.key('{limits}', keyOf(account));
    return [key, `${key}:leases`];
  }

  #keepMs(account: Account): number {
    if (account.meter !== 'budget') return 0;
    const { endMs } = account.period;
    return endMs === Number.POSITIVE_INFINITY
      ? KEEP_TOTAL_MS
      : Math.max(0, endMs - this.#options.clock.now()) + GRACE_MS;
  }
}

const ADMITTED = 1;
const UNKNOWN = 2;

const toStanding = ([used = 0, settled = 0, exceeded = 0, retryAfterMs = 0, resetMs = 0]: number[]): Standing | null =>
  exceeded === -1 ? null : { used, settled, isExceeded: exceeded === 1, retryAfterMs, resetMs };
