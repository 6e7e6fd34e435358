import { join } from 'node:path';
import type { ConfigHistory as HistoryView } from '../contract/admin/config-change.ts';
import { SqliteDatabase } from '../lib/sqlite-database.ts';

type Load = HistoryView['loads'][number];

/** Loads that are kept. */
const MAX_LOADS = 200;
/** A version that was saved here and is loaded within this time is taken to be that save. */
const SAVE_COUNTS_MS = 60_000;

const STEPS = [
  `CREATE TABLE loads (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, version TEXT NOT NULL, changes TEXT NOT NULL
) STRICT;
CREATE TABLE saves (version TEXT PRIMARY KEY, at INTEGER NOT NULL, author TEXT NOT NULL) STRICT;`,
];

const INSERT = `INSERT INTO loads (at, version, changes) SELECT $1, $2, $3
  WHERE coalesce((SELECT version FROM loads ORDER BY id DESC LIMIT 1), '') <> $2`;
const PRUNE = `DELETE FROM loads WHERE id <= (SELECT max(id) FROM loads) - ${MAX_LOADS}`;
const SAVE = `INSERT INTO saves (at, version, author) VALUES ($1, $2, $3)
  ON CONFLICT (version) DO UPDATE SET at = excluded.at, author = excluded.author`;
const PRUNE_SAVES = `DELETE FROM saves WHERE version NOT IN (SELECT version FROM loads) AND at < $1 - ${SAVE_COUNTS_MS}`;
const LIST = `SELECT l.at, l.version, l.changes, s.author FROM loads l LEFT JOIN saves s
  ON s.version = l.version AND l.at BETWEEN s.at AND s.at + ${SAVE_COUNTS_MS} ORDER BY l.id DESC`;

/** What versions of routes.yaml this machine has used, when, and who brought them: the last 200, in the data directory. */
export class ConfigHistory {
  readonly #database: SqliteDatabase;

  /** @throws Error when the data directory cannot be written. */
  constructor(dataDir: string) {
    this.#database = new SqliteDatabase({ file: join(dataDir, 'config-history.sqlite'), steps: STEPS });
  }

  /** Notes that a version came into force; of several processes that load it one does. `at`: Unix milliseconds. */
  async loaded(version: string, at: number, changes: string[]): Promise<void> {
    await this.#database.write([
      { text: INSERT, values: [at, version, JSON.stringify(changes)] },
      { text: PRUNE, values: [] },
      { text: PRUNE_SAVES, values: [at] },
    ]);
  }

  /** Notes who is about to save a version, before it can be loaded. */
  async saving(version: string, at: number, author: string): Promise<void> {
    await this.#database.write([{ text: SAVE, values: [at, version, author] }]);
  }

  /** The latest first. */
  async list(): Promise<Load[]> {
    type Row = { at: number; version: string; changes: string; author: string | null };
    const rows = await this.#database.query<Row>(LIST);
    return rows.map(({ at, version, changes, author }) => ({
      at: new Date(at).toISOString(),
      version,
      by: author,
      changes: JSON.parse(changes),
    }));
  }

  async close(): Promise<void> {
    await this.#database.close();
  }
}
