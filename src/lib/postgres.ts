import pg from 'pg';
import type { Logger } from './logger.ts';

export type PostgresOptions = {
  /** `postgres://user:password@host:5432/database?sslmode=…`, as `DATABASE_URL` has it. */
  url: string;
  /** Connections of this process at most: 10 by default. */
  maxConnections?: number;
  /** Longest wait for a free connection, and for a new one: 2 s by default. */
  connectTimeoutMs?: number;
  /** Longest wait for one query: 5 s by default. */
  queryTimeoutMs?: number;
  logger: Pick<Logger, 'warn'>;
};

/** One query. Rows are typed by who asks; `bigint` columns come as numbers, which is exact up to 2^53. */
export type Query = <Row extends object = Record<string, unknown>>(text: string, values?: unknown[]) => Promise<Row[]>;

/** What its last use told. `down`: it could not be reached, or did not answer in time. */
export type PostgresState = { state: 'ready' | 'down'; detail: string };

/** Queries that may wait for a connection at the same time; more are refused at once. */
const MAX_WAITING = 1_000;
const INT8 = 20;

/**
 * Connections to Postgres, opened when they are needed and closed when idle; a broken one is replaced. It asks nothing
 * of a session, so it also works through PgBouncer in transaction mode.
 */
export class Postgres {
  readonly #pool: pg.Pool;
  #trouble: string | null = null;

  /** Connects to nothing yet. @throws Error for a URL that is none. */
  constructor({ url, maxConnections = 10, connectTimeoutMs = 2_000, queryTimeoutMs = 5_000, logger }: PostgresOptions) {
    this.#pool = new pg.Pool({
      connectionString: url,
      max: maxConnections,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: queryTimeoutMs,
      idleTimeoutMillis: 30_000,
      allowExitOnIdle: true,
      keepAlive: true,
      application_name: 'rightsize',
      types: { getTypeParser },
    });
    this.#pool.on('error', (error) => logger.warn({ err: error }, 'a connection to Postgres broke'));
  }

  /** @throws Error of Postgres, or for a limit on waiting. */
  readonly query: Query = async (text, values) => {
    this.#refuseCrowd();
    return this.#watched(async () => (await this.#pool.query(text, values)).rows);
  };

  /** Runs `work` in a transaction; whatever throws rolls all of it back. */
  async transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    this.#refuseCrowd();
    const client = await this.#watched(() => this.#pool.connect());
    // Between two queries the pool does not listen; the next query then fails.
    const ignore = () => {};
    client.on('error', ignore);
    let failure: unknown;
    try {
      await client.query('BEGIN');
      const result = await work(async (text, values) => (await client.query(text, values)).rows);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      failure = error;
      await client.query('ROLLBACK').then(
        () => {
          failure = undefined;
        },
        () => {},
      );
      throw error;
    } finally {
      client.off('error', ignore);
      // A connection that could not even roll back is not given to anyone else.
      client.release(failure !== undefined);
    }
  }

  state(): PostgresState {
    return this.#trouble === null ? { state: 'ready', detail: 'ready' } : { state: 'down', detail: this.#trouble };
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  /** An error with an SQLSTATE is an answer of a server that is there, unless it says that it is going or coming. */
  async #watched<Result>(use: () => Promise<Result>): Promise<Result> {
    try {
      const result = await use();
      this.#trouble = null;
      return result;
    } catch (error) {
      const { code = '', message } = error as { code?: string; message: string };
      const isAnswer = /^[0-9A-Z]{5}$/.test(code) && !/^(08|57P|53)/.test(code);
      this.#trouble = isAnswer ? null : code || message;
      throw error;
    }
  }

  #refuseCrowd(): void {
    if (this.#pool.waitingCount >= MAX_WAITING) throw new Error('Too many queries wait for a connection to Postgres.');
  }
}

/**
 * Brings one part's tables up to date, all steps in one transaction; several processes may do so at the same time.
 * Steps are never edited once released: the number of those applied is kept in `rightsize_schema`.
 * @throws Error when the database was written by a newer version of this program.
 */
export const migratePostgres = (postgres: Postgres, part: string, steps: readonly string[]): Promise<void> =>
  postgres.transaction(async (query) => {
    await query('SELECT pg_advisory_xact_lock(hashtext($1))', ['rightsize_schema']);
    await query('CREATE TABLE IF NOT EXISTS rightsize_schema (part TEXT PRIMARY KEY, version INTEGER NOT NULL)');
    const [row] = await query<{ version: number }>('SELECT version FROM rightsize_schema WHERE part = $1', [part]);
    const version = row?.version ?? 0;
    if (version > steps.length) {
      throw new Error(
        `the database has version ${version} of the tables for ${part}, and this program knows ${steps.length}; run the newer version`,
      );
    }
    if (version === steps.length) return;
    for (const step of steps.slice(version)) await query(step);
    await query(
      'INSERT INTO rightsize_schema (part, version) VALUES ($1, $2) ON CONFLICT (part) DO UPDATE SET version = $2',
      [part, steps.length],
    );
  });

const getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text');
