import { migratePostgres, type Postgres, type Query } from './postgres.ts';
import type { SqlDatabase, SqlStatement, SqlValue } from './sql-database.ts';

/**
 * One part's tables in Postgres. They are made with the first use that reaches the server, so that a gateway starts
 * without it and takes it up when it comes.
 */
export class PostgresDatabase implements SqlDatabase {
  readonly #postgres: Postgres;
  readonly #part: string;
  readonly #steps: readonly string[];
  #isReady: Promise<void> | null = null;

  /** @param steps as `migratePostgres` takes them. The pool stays its owner's. */
  constructor(postgres: Postgres, part: string, steps: readonly string[]) {
    this.#postgres = postgres;
    this.#part = part;
    this.#steps = steps;
  }

  async query<Row extends object>(text: string, values: SqlValue[] = []): Promise<Row[]> {
    await this.#ready();
    return this.#postgres.query<Row>(text, values.map(storable));
  }

  async write(statements: SqlStatement[]): Promise<boolean> {
    await this.#ready();
    try {
      await this.#postgres.transaction(async (query) => {
        for (const statement of statements) await run(query, statement);
      });
      return true;
    } catch (error) {
      if (error === NO_MATCH) return false;
      throw error;
    }
  }

  async close(): Promise<void> {}

  #ready(): Promise<void> {
    this.#isReady ??= migratePostgres(this.#postgres, this.#part, this.#steps).catch((error: unknown) => {
      this.#isReady = null;
      throw error;
    });
    return this.#isReady;
  }
}

/** Postgres holds no NUL in a text (https://www.postgresql.org/docs/current/datatype-character.html). */
const storable = (value: SqlValue): SqlValue => (typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value);

const NO_MATCH = new Error('a statement that must change a row changed none');

const run = async (query: Query, { text, values, mustMatch }: SqlStatement): Promise<void> => {
  const rows = await query(mustMatch ? `${text} RETURNING 1` : text, values.map(storable));
  if (mustMatch && rows.length === 0) throw NO_MATCH;
};
