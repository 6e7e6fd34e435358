import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { LedgerEntry } from '../contract/ledger-entry.ts';
import { entryOf, SELECT_ALL_ATTEMPTS, SELECT_ALL_ENTRIES } from './sqlite-rows.ts';
import { inTransaction } from './sqlite-transaction.ts';

/** An entry that has yet to reach Postgres. */
export type Outgoing = { position: number; entry: LedgerEntry };

/** Failures after which an entry is left where it is, for its owner to look at, and no longer in the way of others. */
export const MAX_FAILURES = 5;

const WANTED = 1;

/** Entries on their way to Postgres, in the file that has them: it may be down for as long as the disk has room. */
export class SqliteOutbox {
  readonly #add: StatementSync;
  readonly #next: StatementSync;
  readonly #entry: StatementSync;
  readonly #attempts: StatementSync;
  readonly #remove: StatementSync;
  readonly #fail: StatementSync;
  readonly #count: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare('INSERT INTO outbox (entry_id) VALUES (?)');
    this.#next = database.prepare(
      'SELECT position, entry_id AS id FROM outbox WHERE failures < ? ORDER BY position LIMIT ?',
    );
    this.#entry = database.prepare(`${SELECT_ALL_ENTRIES} WHERE id = ?`);
    this.#attempts = database.prepare(`${SELECT_ALL_ATTEMPTS} WHERE entry_id = ? ORDER BY position`);
    this.#remove = database.prepare('DELETE FROM outbox WHERE position = ?');
    this.#fail = database.prepare('UPDATE outbox SET failures = failures + 1 WHERE position = ?');
    this.#count = database.prepare(
      'SELECT count(*) AS waiting, sum(failures >= ?) AS parked, min(position) AS first FROM outbox',
    );
  }

  /**
   * Notes whether entries are kept for Postgres. Where they were not until now, everything that the ledger holds goes
   * out once more: what Postgres has already changes nothing there. The note is the file's `application_id`.
   */
  static note(database: DatabaseSync, isWanted: boolean): void {
    const wasWanted = database.prepare('PRAGMA application_id').get()?.['application_id'] === WANTED;
    if (isWanted === wasWanted) return;
    inTransaction(database, () => {
      if (isWanted) {
        database.exec(`INSERT INTO outbox (entry_id) SELECT id FROM entries
          WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE entry_id = entries.id) ORDER BY at`);
      }
      database.exec(`PRAGMA application_id = ${isWanted ? WANTED : 0}`);
    });
  }

  /** Belongs into the transaction that stores the entry. */
  add(entryId: string): void {
    this.#add.run(entryId);
  }

  /** The oldest that wait, at most `limit`; those that have failed too often are passed over. */
  next(limit: number): Outgoing[] {
    return this.#next.all(MAX_FAILURES, limit).flatMap(({ position, id }) => {
      const row = this.#entry.get(id ?? null);
      return row === undefined
        ? []
        : [{ position: Number(position), entry: entryOf(row, this.#attempts.all(id ?? null)) }];
    });
  }

  remove(positions: number[]): void {
    for (const position of positions) this.#remove.run(position);
  }

  fail(position: number): void {
    this.#fail.run(position);
  }

  /** How many wait, of these how many are passed over. */
  lag(): { waiting: number; parked: number } {
    const { waiting, parked } = this.#count.get(MAX_FAILURES) ?? {};
    return { waiting: Number(waiting ?? 0), parked: Number(parked ?? 0) };
  }
}
