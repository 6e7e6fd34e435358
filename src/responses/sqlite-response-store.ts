import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Clock } from '../lib/clock.ts';
import {
  MAX_CHAIN,
  RESPONSE_LIMITS,
  type ResponseLimits,
  type ResponseStore,
  type StoredItem,
  type StoredResponse,
} from './response-store.ts';
import { bytesOf, idOf, itemsOf } from './stored-items.ts';

export type SqliteResponseOptions = {
  /** The data directory; made when missing. */
  directory: string;
  clock: Clock;
  limits?: ResponseLimits;
};

/** How long a statement, which blocks the event loop, waits for another process that is writing. */
const BUSY_TIMEOUT_MS = 2_000;
/** Expired responses that one `put` takes away: more than it adds, and never a long pause. */
const SWEPT_AT_ONCE = 50;
const SCHEMA_VERSION = 1;

/** STRICT and NOT NULL: a wrong row is refused, not stored. `items` says which response holds an item of that id. */
const SCHEMA = `
CREATE TABLE responses (
  team TEXT NOT NULL,
  id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  previous_id TEXT,
  response TEXT NOT NULL,
  input TEXT NOT NULL,
  home_upstream TEXT,
  home_model TEXT,
  session TEXT,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (team, id)
) STRICT;
CREATE INDEX responses_by_age ON responses (team, created_at, bytes);
CREATE INDEX responses_by_end ON responses (expires_at);
CREATE TABLE items (
  team TEXT NOT NULL,
  id TEXT NOT NULL,
  response_id TEXT NOT NULL,
  PRIMARY KEY (team, id),
  FOREIGN KEY (team, response_id) REFERENCES responses (team, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX items_by_response ON items (team, response_id);
PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** Responses in one SQLite file, `responses.sqlite` (0600), beside the ledger's. */
export class SqliteResponseStore implements ResponseStore {
  readonly #database: DatabaseSync;
  readonly #clock: Clock;
  readonly #limits: ResponseLimits;
  readonly #statements: Record<keyof typeof STATEMENTS, StatementSync>;

  /** @throws Error that names the file: it cannot be written, is damaged, or of a newer version. */
  static open(options: SqliteResponseOptions): SqliteResponseStore {
    const file = join(options.directory, 'responses.sqlite');
    try {
      mkdirSync(options.directory, { recursive: true, mode: 0o700 });
      // Made here and not by SQLite, so that other users cannot read it.
      closeSync(openSync(file, 'a', 0o600));
      return new SqliteResponseStore(new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS }), options);
    } catch (cause) {
      throw new Error(`Cannot open the stored responses ${file}: ${(cause as Error).message}`, { cause });
    }
  }

  private constructor(database: DatabaseSync, { clock, limits = RESPONSE_LIMITS }: SqliteResponseOptions) {
    this.#database = database;
    this.#clock = clock;
    this.#limits = limits;
    try {
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON');
      this.#inTransaction(() => {
        const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
        if (version > SCHEMA_VERSION) throw new Error(`it has schema version ${version}; run the newer program`);
        if (version === 0) database.exec(SCHEMA);
      });
      this.#statements = Object.fromEntries(
        Object.entries(STATEMENTS).map(([name, sql]) => [name, database.prepare(sql)]),
      ) as Record<keyof typeof STATEMENTS, StatementSync>;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  async put(response: StoredResponse): Promise<void> {
    const { team, id, createdAt, expiresAt, previousId, home, session, input } = response;
    const bytes = bytesOf(response);
    const { remove, insert, insertItem, prolong, sweep } = this.#statements;
    this.#inTransaction(() => {
      remove.run(team, id);
      const text = response.response;
      const [upstream, model] = [home?.upstream ?? null, home?.model ?? null];
      insert.run(team, id, createdAt, expiresAt, previousId, text, input, upstream, model, session, bytes);
      for (const stored of itemsOf(response)) {
        const itemId = idOf(stored);
        if (itemId !== null) insertItem.run(team, itemId, id);
      }
      if (previousId !== null) prolong.run(team, previousId, MAX_CHAIN, expiresAt, team);
      sweep.run(this.#clock.now(), SWEPT_AT_ONCE);
      this.#trim(team);
    });
  }

  async get(team: string, id: string): Promise<StoredResponse | null> {
    const row = this.#statements.select.get(team, id, this.#clock.now());
    return row === undefined ? null : toResponse(row);
  }

  async chain(team: string, id: string): Promise<StoredResponse[] | null> {
    const chain: StoredResponse[] = [];
    for (let next: string | null = id; next !== null; ) {
      const found: StoredResponse | null = await this.get(team, next);
      if (found === null || chain.length === MAX_CHAIN) return null;
      chain.push(found);
      next = found.previousId;
    }
    return chain.reverse();
  }

  async items(team: string, ids: readonly string[]): Promise<Map<string, StoredItem>> {
    const items = new Map<string, StoredItem>();
    for (const id of new Set(ids)) {
      const row = this.#statements.selectHolder.get(team, id, this.#clock.now());
      const stored = row && itemsOf(toResponse(row)).find((item) => idOf(item) === id);
      if (stored) items.set(id, stored);
    }
    return items;
  }

  async delete(team: string, id: string): Promise<boolean> {
    const isThere = (await this.get(team, id)) !== null;
    this.#statements.remove.run(team, id);
    return isThere;
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #trim(team: string): void {
    const { total, oldest, remove } = this.#statements;
    for (;;) {
      const { count, bytes } = total.get(team) as { count: number; bytes: number };
      if (count <= this.#limits.perTeam && bytes <= this.#limits.bytesPerTeam) return;
      const { id } = oldest.get(team) as { id: string };
      remove.run(team, id);
    }
  }

  #inTransaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

const STATEMENTS = {
  insert: 'INSERT INTO responses VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  insertItem: 'INSERT OR IGNORE INTO items VALUES (?, ?, ?)',
  select: 'SELECT * FROM responses WHERE team = ? AND id = ? AND expires_at > ?',
  selectHolder:
    'SELECT r.* FROM items i JOIN responses r ON r.team = i.team AND r.id = i.response_id ' +
    'WHERE i.team = ? AND i.id = ? AND r.expires_at > ?',
  prolong:
    'WITH RECURSIVE chain(id, previous_id, depth) AS (' +
    'SELECT id, previous_id, 1 FROM responses WHERE team = ?1 AND id = ?2 ' +
    'UNION ALL SELECT r.id, r.previous_id, depth + 1 FROM responses r JOIN chain c ON r.id = c.previous_id ' +
    'WHERE r.team = ?1 AND depth < ?3) ' +
    'UPDATE responses SET expires_at = max(expires_at, ?4) WHERE team = ?5 AND id IN (SELECT id FROM chain)',
  remove: 'DELETE FROM responses WHERE team = ? AND id = ?',
  sweep:
    'DELETE FROM responses WHERE rowid IN (SELECT rowid FROM responses WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)',
  total: 'SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM responses WHERE team = ?',
  oldest: 'SELECT id FROM responses WHERE team = ? ORDER BY created_at, rowid LIMIT 1',
} as const;

type Row = Record<string, unknown>;

const toResponse = (row: Row): StoredResponse => ({
  id: String(row['id']),
  team: String(row['team']),
  createdAt: Number(row['created_at']),
  expiresAt: Number(row['expires_at']),
  previousId: row['previous_id'] as string | null,
  response: String(row['response']),
  input: String(row['input']),
  home:
    row['home_upstream'] === null ? null : { upstream: String(row['home_upstream']), model: String(row['home_model']) },
  session: row['session'] as string | null,
});
