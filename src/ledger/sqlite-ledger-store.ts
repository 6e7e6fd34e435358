import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { LedgerEntry } from '../contract/ledger-entry.ts';
import type { LedgerStore, SpendRow } from './ledger-store.ts';
import { readSpend } from './reports.ts';
import type { SpendQuery } from './spend-rows.ts';
import { openToRead, openToWrite } from './sqlite-ledger-file.ts';
import { SqliteOutbox } from './sqlite-outbox.ts';
import { SqliteRollups } from './sqlite-rollups.ts';
import * as rows from './sqlite-rows.ts';
import { inTransaction } from './sqlite-transaction.ts';

export type SqliteLedgerOptions = {
  /** The data directory; made when missing. */
  directory: string;
  /** How long a commit may wait for another process that is writing: 2,000 by default. It does so beside the event loop. */
  busyTimeoutMs?: number;
  /** Whether entries wait in an outbox for Postgres as well. */
  hasOutbox?: boolean;
  /** Entries that may wait for their commit; beyond it, 10,000 by default, `append` rejects at once. */
  maxQueued?: number;
};

type Waiting = { entry: LedgerEntry; resolve: () => void; reject: (reason: unknown) => void };

/** Entries in one transaction: bounds how long a commit keeps the event loop (some 5 ms). */
const BATCH_ENTRIES = 250;
const BUSY_TIMEOUT_MS = 2_000;
const MAX_QUEUED = 10_000;
/** How often to look whether another process still writes; a commit takes about as long. */
const BUSY_RETRY_MS = 1;

/**
 * The ledger in one SQLite file. Entries appended in one turn of the event loop share a transaction; `append` resolves
 * after its commit. An entry that SQLite refuses rejects alone; when the commit fails (disk full, file locked) its
 * whole batch rejects, and later appends are tried afresh.
 */
export class SqliteLedgerStore implements LedgerStore {
  readonly #database: DatabaseSync;
  readonly #insertEntry: StatementSync;
  readonly #insertAttempt: StatementSync;
  readonly #selectEntries: StatementSync;
  readonly #selectAttempts: StatementSync;
  readonly #rollups: SqliteRollups;
  /** Null where nothing is to go to Postgres. */
  readonly outbox: SqliteOutbox | null;
  readonly #maxQueued: number;
  readonly #busyTimeoutMs: number;
  #queue: Waiting[] = [];
  /** Ends what is scheduled; null where nothing is. */
  #cancelFlush: (() => void) | null = null;
  /** Since when another process has kept the oldest entry from its commit. */
  #busySince: number | null = null;

  private constructor(database: DatabaseSync, maxQueued: number, hasOutbox: boolean, busyTimeoutMs = BUSY_TIMEOUT_MS) {
    this.#database = database;
    this.#maxQueued = maxQueued;
    this.#busyTimeoutMs = busyTimeoutMs;
    this.#rollups = new SqliteRollups(database);
    this.outbox = hasOutbox ? new SqliteOutbox(database) : null;
    this.#insertEntry = database.prepare(rows.INSERT_ENTRY);
    this.#insertAttempt = database.prepare(rows.INSERT_ATTEMPT);
    this.#selectEntries = database.prepare(rows.SELECT_ENTRIES);
    this.#selectAttempts = database.prepare(rows.SELECT_ATTEMPTS);
  }

  /** @throws Error that says what to do when the file cannot be made, opened or brought up to date. */
  static open({
    directory,
    busyTimeoutMs = BUSY_TIMEOUT_MS,
    maxQueued = MAX_QUEUED,
    hasOutbox = false,
  }: SqliteLedgerOptions): SqliteLedgerStore {
    const database = openToWrite(directory, busyTimeoutMs);
    SqliteOutbox.note(database, hasOutbox);
    return new SqliteLedgerStore(database, maxQueued, hasOutbox, busyTimeoutMs);
  }

  /** For reports, beside a running gateway or without one; `append` rejects. @returns null when there is no ledger yet. */
  static openToRead({ directory }: { directory: string }): SqliteLedgerStore | null {
    const database = openToRead(directory, BUSY_TIMEOUT_MS);
    return database && new SqliteLedgerStore(database, MAX_QUEUED, false);
  }

  append(entry: LedgerEntry): Promise<void> {
    if (!this.#database.isOpen) return Promise.reject(new Error('The ledger is closed.'));
    if (this.#queue.length >= this.#maxQueued) {
      return Promise.reject(new Error(`The ledger's queue is full: ${this.#maxQueued} entries wait for their commit.`));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ entry, resolve, reject });
      if (this.#cancelFlush === null) this.#schedule();
    });
  }

  async recent({ sinceMs, limit }: { sinceMs: number; limit: number }): Promise<LedgerEntry[]> {
    const entries = this.#selectEntries.all(sinceMs, limit);
    return entries.map((entry) => rows.entryOf(entry, this.#selectAttempts.all(entry.id ?? null)));
  }

  spend(query: SpendQuery): Promise<SpendRow[]> {
    return readSpend(async (sql, values) => this.#database.prepare(sql).all(...values), query);
  }

  /**
   * Deletes entries of before `beforeMs`, the oldest first and at most `limit`; what has yet to reach Postgres stays, and
   * so do the sums. @returns how many went.
   */
  prune(beforeMs: number, limit: number): number {
    if (!this.#database.isOpen) return 0;
    let count = 0;
    inTransaction(this.#database, () => {
      const ids = this.#database
        .prepare(
          'SELECT id FROM entries WHERE at < ? AND NOT EXISTS (SELECT 1 FROM outbox WHERE entry_id = id) ORDER BY at LIMIT ?',
        )
        .all(beforeMs, limit);
      const attempts = this.#database.prepare('DELETE FROM attempts WHERE entry_id = ?');
      const entries = this.#database.prepare('DELETE FROM entries WHERE id = ?');
      for (const { id } of ids) {
        attempts.run(id ?? null);
        entries.run(id ?? null);
      }
      count = ids.length;
    });
    return count;
  }

  /** Stores what is queued, then closes the file. */
  async close(): Promise<void> {
    while (this.#queue.length > 0) this.#flush({ isLast: true });
    if (this.#database.isOpen) this.#database.close();
  }

  #schedule(): void {
    const immediate = setImmediate(() => this.#flush());
    this.#cancelFlush = () => clearImmediate(immediate);
  }

  #flush({ isLast = false } = {}): void {
    this.#cancelFlush?.();
    this.#cancelFlush = null;
    const batch = this.#queue.splice(0, BATCH_ENTRIES);
    const busy = this.#commit(batch, { isBlocking: isLast });
    if (busy !== null && this.#mayWait()) {
      this.#queue.unshift(...batch);
      const timer = setTimeout(() => this.#flush(), BUSY_RETRY_MS);
      this.#cancelFlush = () => clearTimeout(timer);
      return;
    }
    this.#busySince = null;
    for (const { reject } of busy === null ? [] : batch) reject(busy);
    if (this.#queue.length > 0) this.#schedule();
  }

  #mayWait(): boolean {
    const now = performance.now();
    this.#busySince ??= now;
    return now - this.#busySince < this.#busyTimeoutMs;
  }

  /** @returns why it is yet to be done: another process writes. SQLite's own wait, `isBlocking`, holds up the event loop. */
  #commit(batch: Waiting[], { isBlocking }: { isBlocking: boolean }): unknown {
    try {
      this.#database.exec(`PRAGMA busy_timeout = ${isBlocking ? this.#busyTimeoutMs : 0}`);
      inTransaction(this.#database, () => {
        this.#rollups.add(batch.flatMap(({ entry }) => (this.#insert(entry) ? [entry] : [])));
      });
      for (const { resolve } of batch) resolve();
    } catch (error) {
      if (!isBlocking && isBusy(error)) return error;
      // One bad row must not cost the others their place; after any other failure each of them would fail as well.
      if (batch.length > 1 && isFaultOfRow(error)) {
        for (const waiting of batch) this.#commit([waiting], { isBlocking: true });
      } else for (const { reject } of batch) reject(error);
    } finally {
      if (this.#database.isOpen) this.#database.exec(`PRAGMA busy_timeout = ${this.#busyTimeoutMs}`);
    }
    return null;
  }

  /** @returns false for an entry that is there already. */
  #insert(entry: LedgerEntry): boolean {
    const { changes } = this.#insertEntry.run(...rows.entryValues(entry));
    if (changes === 0) return false;
    this.outbox?.add(entry.id);
    for (const [position, attempt] of entry.attempts.entries()) {
      this.#insertAttempt.run(...rows.attemptValues(entry.id, position, attempt));
    }
    return true;
  }
}

/** SQLITE_BUSY. */
const isBusy = (error: unknown): boolean => (((error as { errcode?: number }).errcode ?? 0) & 0xff) === 5;

/** A value that cannot be bound (a TypeError, without `errcode`), or that breaks a constraint: SQLITE_CONSTRAINT is 19. */
const isFaultOfRow = (error: unknown): boolean => {
  const { errcode } = error as { errcode?: number };
  return errcode === undefined || (errcode & 0xff) === 19;
};
