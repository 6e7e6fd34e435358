import type { SqlDatabase } from '../lib/sql-database.ts';
import type { Recording, Recordings } from './recording.ts';

/** Steps of the schema of `recordings.sqlite`. */
export const RECORDING_TABLES = [
  `CREATE TABLE recordings (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    team TEXT NOT NULL,
    key_id TEXT,
    route TEXT NOT NULL,
    tier TEXT NOT NULL,
    upstream TEXT NOT NULL,
    model TEXT NOT NULL,
    difficulty REAL,
    is_escalated INTEGER NOT NULL,
    request TEXT NOT NULL,
    answer TEXT NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX recordings_by_time ON recordings (at, bytes);
  CREATE INDEX recordings_by_end ON recordings (expires_at);`,
];

/** A request with its answer beyond this is not kept: a picture, or a book. */
const MAX_BYTES = 1024 * 1024;
/** All of them together; beyond it the oldest go. */
const MAX_TOTAL_BYTES = 4 * 1024 * 1024 * 1024;
/** Taken away in one step: more than one `keep` adds, and never a long pause. */
const SWEPT_AT_ONCE = 50;
const PAGE = 200;

export type RecordingQuery = {
  /** Only these; nothing where there is none. */
  routes: readonly string[];
  fromMs: number;
  toMs: number;
  team: string | null;
  tier: string | null;
  isEscalated: boolean;
};

/** Recordings in one SQLite file, `recordings.sqlite` (0600), beside the ledger's: prompts are never in the ledger itself. */
export class SqlRecordings implements Recordings {
  readonly #database: SqlDatabase;
  readonly #maxTotalBytes: number;
  #totalBytes: number | null = null;

  /** @param database SQLite with the tables above; it is closed with the recordings. */
  constructor(database: SqlDatabase, { maxTotalBytes = MAX_TOTAL_BYTES }: { maxTotalBytes?: number } = {}) {
    this.#database = database;
    this.#maxTotalBytes = maxTotalBytes;
  }

  async keep(recording: Recording): Promise<boolean> {
    const { id, at, expiresAt, team, keyId, route, tier, upstream, model, difficulty, isEscalated } = recording;
    const [request, answer] = [JSON.stringify(recording.request), JSON.stringify(recording.answer)];
    const bytes = Buffer.byteLength(request) + Buffer.byteLength(answer);
    if (bytes > MAX_BYTES) return false;
    const who = [id, at, expiresAt, team, keyId, route, tier, upstream, model, difficulty, Number(isEscalated)];
    await this.#database.write([{ text: INSERT, values: [...who, request, answer, bytes] }]);
    this.#totalBytes = (this.#totalBytes ?? (await this.#sum())) + bytes;
    if (this.#totalBytes > this.#maxTotalBytes) {
      await this.#database.write([{ text: TRIM, values: [SWEPT_AT_ONCE] }]);
      this.#totalBytes = await this.#sum();
    }
    return true;
  }

  /** Deletes some of those whose time is over. @returns whether there may be more. */
  async sweep(nowMs: number): Promise<boolean> {
    const before = await this.#count(nowMs);
    if (before === 0) return false;
    await this.#database.write([{ text: SWEEP, values: [nowMs, SWEPT_AT_ONCE] }]);
    this.#totalBytes = null;
    return before > SWEPT_AT_ONCE;
  }

  /** What the query asks for and whose time is not over, oldest first, by pages. */
  async *read(query: RecordingQuery, nowMs: number): AsyncGenerator<Recording> {
    const { fromMs, toMs, team, tier, isEscalated } = query;
    const routes = JSON.stringify(query.routes);
    let after: [number, string] = [fromMs, ''];
    for (;;) {
      const rows = await this.#database.query<Row>(READ, [
        ...[routes, toMs, nowMs, team, tier, Number(isEscalated)],
        ...[...after, PAGE],
      ]);
      for (const row of rows) yield recordingOf(row);
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return;
      after = [Number(last['at']), String(last['id'])];
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  async #sum(): Promise<number> {
    const [row] = await this.#database.query<Row>('SELECT coalesce(sum(bytes), 0) AS bytes FROM recordings');
    return Number(row?.['bytes']);
  }

  async #count(nowMs: number): Promise<number> {
    const [row] = await this.#database.query<Row>('SELECT count(*) AS count FROM recordings WHERE expires_at <= $1', [
      nowMs,
    ]);
    return Number(row?.['count']);
  }
}

const INSERT = `INSERT INTO recordings VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
  ON CONFLICT (id) DO NOTHING`;
const TRIM = 'DELETE FROM recordings WHERE id IN (SELECT id FROM recordings ORDER BY at LIMIT $1)';
const SWEEP =
  'DELETE FROM recordings WHERE id IN (SELECT id FROM recordings WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)';
const READ = `SELECT * FROM recordings WHERE route IN (SELECT value FROM json_each($1)) AND at < $2 AND expires_at > $3
  AND ($4 IS NULL OR team = $4) AND ($5 IS NULL OR tier = $5) AND ($6 = 0 OR is_escalated = 1)
  AND (at > $7 OR (at = $7 AND id > $8)) ORDER BY at, id LIMIT $9`;

type Row = Record<string, unknown>;

const recordingOf = (row: Row): Recording => ({
  id: String(row['id']),
  at: Number(row['at']),
  expiresAt: Number(row['expires_at']),
  team: String(row['team']),
  keyId: row['key_id'] as string | null,
  route: String(row['route']),
  tier: String(row['tier']),
  upstream: String(row['upstream']),
  model: String(row['model']),
  difficulty: row['difficulty'] as number | null,
  isEscalated: row['is_escalated'] === 1,
  request: JSON.parse(String(row['request'])),
  answer: JSON.parse(String(row['answer'])),
});
