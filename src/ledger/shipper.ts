import type { LedgerEntry } from '../contract/ledger-entry.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Outgoing } from './sqlite-outbox.ts';

/** What the shipper reads from. */
export type Outbox = {
  next(limit: number): Outgoing[];
  remove(positions: number[]): void;
  fail(position: number): void;
  lag(): { waiting: number; parked: number };
};

export type ShipperOptions = {
  outbox: Outbox;
  /** Takes entries, all or none; the same ones twice are no more than once. */
  take(entries: LedgerEntry[]): Promise<void>;
  clock: Clock;
  logger: Pick<Logger, 'warn' | 'error'>;
  random(): number;
};

/** Entries at a time: bounds memory, and how long reading them holds the event loop (some 2 ms). */
const BATCH = 50;
/** How often an empty outbox is looked at. */
const LOOK_EVERY_MS = 250;
/** Pauses after failures: doubling, to half a minute, each with up to as much again. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** Entries that wait before it is said that Postgres lags behind. */
const LAGGING = 1_000;

/**
 * Carries entries from the outbox to Postgres, oldest first, one batch at a time. While Postgres is away they wait where
 * they are, on disk. An entry that it will not take is tried alone, and after five times left behind, so that it holds
 * up no other.
 */
export class Shipper {
  readonly #options: ShipperOptions;
  #cancel = () => {};
  #isStopped = false;
  #failures = 0;
  #lastError: string | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ShipperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#after(0);
  }

  /** For `/readyz` and `/metrics`: what waits, and why. */
  state(): { state: 'ready' | 'degraded' | 'down'; detail: string; waiting: number; parked: number } {
    const { waiting, parked } = this.#options.outbox.lag();
    const left = parked > 0 ? `; ${parked} that Postgres refused are left behind, the log has them` : '';
    if (this.#lastError !== null) {
      return {
        state: 'down',
        detail: `${waiting} entries wait for Postgres: ${this.#lastError}${left}`,
        waiting,
        parked,
      };
    }
    const state = waiting - parked > LAGGING || parked > 0 ? 'degraded' : 'ready';
    return { state, detail: `${waiting - parked} entries on their way to Postgres${left}`, waiting, parked };
  }

  /** Ends after the batch under way. What is left goes out at the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#running;
  }

  #after(ms: number): void {
    if (this.#isStopped) return;
    this.#cancel = this.#options.clock.after(ms, () => {
      this.#running = this.#carry();
    });
  }

  async #carry(): Promise<void> {
    const { outbox, logger, random } = this.#options;
    try {
      const batch = outbox.next(BATCH);
      if (batch.length > 0) await this.#deliver(batch);
      this.#failures = 0;
      this.#lastError = null;
      this.#after(batch.length === BATCH ? 0 : LOOK_EVERY_MS);
    } catch (error) {
      if (this.#lastError === null) logger.warn({ err: error }, 'the ledger waits for Postgres');
      this.#lastError = (error as Error).message;
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
      this.#after(pause * (1 + random()));
    }
  }

  async #deliver(batch: Outgoing[]): Promise<void> {
    const { outbox, take, logger } = this.#options;
    try {
      await take(batch.map(({ entry }) => entry));
      outbox.remove(batch.map(({ position }) => position));
      return;
    } catch (error) {
      if (!isFaultOfData(error)) throw error;
    }
    for (const { position, entry } of batch) {
      try {
        await take([entry]);
        outbox.remove([position]);
      } catch (error) {
        if (!isFaultOfData(error)) throw error;
        logger.error({ err: error, id: entry.id }, 'Postgres refuses a ledger entry');
        outbox.fail(position);
      }
    }
  }
}

/**
 * Data exceptions and broken constraints (https://www.postgresql.org/docs/current/errcodes-appendix.html), and values
 * that the client cannot send: the row is at fault. Everything else is Postgres's own trouble, and passes.
 */
const isFaultOfData = (error: unknown): boolean => {
  const { code } = error as { code?: unknown };
  return error instanceof RangeError || (typeof code === 'string' && /^(?:22|23)[0-9A-Z]{3}$/.test(code));
};
