import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { SqlDatabase, SqlStatement, SqlValue } from './sql-database.ts';

export type SqliteOptions = {
  /** The file, made with its directory when missing, for this user alone; `:memory:` for none. */
  file: string;
  /** Steps of the schema, in order, never edited once released; `user_version` counts those applied. */
  steps: readonly string[];
  /** Whether a commit survives a power cut, at the price of a sync each; true by default. Any survives the process. */
  isSynced?: boolean;
};

/** How long a write, which blocks the event loop, may wait for another process that is writing. */
const BUSY_TIMEOUT_MS = 2_000;

/**
 * One SQLite file in WAL mode, which several processes may use at the same time: what one has written the others see with
 * their next query. Nothing is kept in memory, and queries take some twenty microseconds.
 */
export class SqliteDatabase implements SqlDatabase {
  readonly #database: DatabaseSync;
  /** By their text: as many as the code has queries. */
  readonly #statements = new Map<string, StatementSync>();

  /** @throws Error that names the file: not writable, disk full, damaged, from a newer version. */
  constructor({ file, steps, isSynced = true }: SqliteOptions) {
    try {
      if (file !== ':memory:') {
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
        closeSync(openSync(file, 'a', 0o600));
      }
      this.#database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
      const synchronous = isSynced ? 'FULL' : 'NORMAL';
      this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA foreign_keys = ON`);
      this.#migrate(steps);
    } catch (error) {
      throw new Error(`Cannot open ${file}: ${(error as Error).message}`, { cause: error });
    }
  }

  async query<Row extends object>(text: string, values: SqlValue[] = []): Promise<Row[]> {
    return this.#prepare(text).all(named(values)) as Row[];
  }

  async write(statements: SqlStatement[]): Promise<boolean> {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      for (const { text, values, mustMatch } of statements) {
        const { changes } = this.#prepare(text).run(named(values));
        if (mustMatch && changes === 0) {
          this.#database.exec('ROLLBACK');
          return false;
        }
      }
      this.#database.exec('COMMIT');
      return true;
    } catch (error) {
      // SQLite has already rolled back after some errors, a full disk among them.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }

  #prepare(text: string): StatementSync {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(text);
    this.#statements.set(text, statement);
    return statement;
  }

  #migrate(steps: readonly string[]): void {
    const version = () => Number(this.#database.prepare('PRAGMA user_version').get()?.user_version);
    if (version() > steps.length)
      throw new Error(`it has version ${version()}, and this program knows ${steps.length}`);
    if (version() === steps.length) return;
    this.#database.exec('BEGIN IMMEDIATE');
    // Another process may have done it while we waited for the lock.
    for (const step of steps.slice(version())) this.#database.exec(step);
    this.#database.exec(`PRAGMA user_version = ${Math.max(version(), steps.length)}`);
    this.#database.exec('COMMIT');
  }
}

/** To SQLite `$1` is a name like any other. */
const named = (values: SqlValue[]): Record<string, SqlValue> =>
  Object.fromEntries(values.map((value, index) => [`$${index + 1}`, value]));
