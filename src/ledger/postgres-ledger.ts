import { GatewayError } from '../contract/errors.ts';
import type { LedgerEntry } from '../contract/ledger-entry.ts';
import { migratePostgres, type Postgres, type Query } from '../lib/postgres.ts';
import { mergePacked, packHistogram } from './histogram.ts';
import type { LedgerReports } from './ledger-reports.ts';
import { POSTGRES_LEDGER } from './migrations/postgres-0001-ledger.ts';
import { createReports } from './reports.ts';
import { DIMENSIONS, rollUp, SUMS, type Sums } from './rollup.ts';
import { ATTEMPT_COLUMNS, attemptValues, columnOf, ENTRY_COLUMNS, entryValues, type Row } from './sqlite-rows.ts';
import { TagBounds } from './tag-bounds.ts';

const KEYS = {
  rollups: ['step', 'at', ...DIMENSIONS],
  tag_rollups: ['step', 'at', 'team', 'tag', 'value', 'cache', 'outcome'],
};

/**
 * The ledger of all gateways in Postgres: the same tables as in SQLite, entries and attempts partitioned by month. Taking
 * an entry twice is taking it once.
 */
export class PostgresLedger {
  readonly #postgres: Postgres;
  /** Of this process: others may tell as many values apart again. */
  readonly #bounds = new TagBounds(() => []);
  readonly #months = new Set<string>();
  #isReady = false;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Stores entries, all or none. @throws Error of Postgres. */
  async take(entries: readonly LedgerEntry[]): Promise<void> {
    await this.#prepare();
    for (const { at } of entries) await this.#makeMonth(at);
    await this.#postgres.transaction(async (query) => {
      // Gateways take turns: two that touch the same sums in another order would wait for each other for ever.
      await query('SELECT pg_advisory_xact_lock(hashtext($1))', ['rightsize_ledger']);
      const stored = await insert(query, 'entries', ENTRY_COLUMNS, entries.map(entryValues), 'RETURNING id');
      const isNew = new Set(stored.map(({ id }) => id));
      const fresh = entries.filter(({ id }) => isNew.has(id));
      const attempts = fresh.flatMap(({ id, at, attempts: own }) =>
        own.map((attempt, position) => [...attemptValues(id, position, attempt), at]),
      );
      await insert(query, 'attempts', [...ATTEMPT_COLUMNS, 'at'], attempts, '');
      const { rollups, tags } = rollUp(fresh, this.#bounds.admit);
      for (const row of rollups) await addSums(query, 'rollups', row);
      for (const row of tags) await addSums(query, 'tag_rollups', row);
    });
  }

  /** Drops the months that lie before `beforeMs` whole. Sums stay. */
  async prune(beforeMs: number): Promise<void> {
    await this.#prepare();
    const before = monthOf(beforeMs);
    const partitions = await this.#postgres.query<{ name: string }>(
      `SELECT child.relname AS name FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
       JOIN pg_class parent ON parent.oid = inhparent WHERE parent.relname IN ('entries', 'attempts')`,
    );
    for (const { name } of partitions) {
      const month = /^(?:entries|attempts)_(\d{6})$/.exec(name)?.[1];
      if (month !== undefined && month < before) await this.#postgres.query(`DROP TABLE IF EXISTS ${name}`);
    }
  }

  /** Reports over the ledger of all gateways. They throw `report_unavailable` while Postgres is down. */
  reports(): LedgerReports {
    return createReports(async (sql, values) => {
      try {
        await this.#prepare();
        return await this.#postgres.query<Row>(numbered(sql), values.map(storable));
      } catch (error) {
        throw new GatewayError('report_unavailable', 'Postgres does not answer now, and it has the ledger.', {
          retryAfterSeconds: 5,
          cause: error,
        });
      }
    });
  }

  async #prepare(): Promise<void> {
    if (this.#isReady) return;
    await migratePostgres(this.#postgres, 'ledger', POSTGRES_LEDGER);
    this.#isReady = true;
  }

  async #makeMonth(at: number): Promise<void> {
    const month = monthOf(at);
    if (this.#months.has(month)) return;
    const [year, number] = [Number(month.slice(0, 4)), Number(month.slice(4)) - 1];
    const [from, to] = [Date.UTC(year, number), Date.UTC(year, number + 1)];
    await this.#postgres.transaction(async (query) => {
      await query('SELECT pg_advisory_xact_lock(hashtext($1))', ['rightsize_ledger']);
      for (const table of ['entries', 'attempts']) {
        // Names and bounds are digits of our own making: no parameter can stand there.
        await query(
          `CREATE TABLE IF NOT EXISTS ${table}_${month} PARTITION OF ${table} FOR VALUES FROM (${from}) TO (${to})`,
        );
      }
    });
    this.#months.add(month);
  }
}

/** `202611`, in UTC. @throws RangeError for a time beyond the calendar. */
const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7).replace('-', '');

/** Postgres numbers its parameters. */
const numbered = (sql: string): string => {
  let count = 0;
  return sql.replace(/\?/g, () => `$${++count}`);
};

/** Text in Postgres holds no NUL, which a client may well send as the name of a model. */
const storable = <Value>(value: Value): Value =>
  typeof value === 'string' ? (value.replaceAll('\0', '\ufffd') as Value) : value;

const insert = async (
  query: Query,
  table: string,
  columns: readonly string[],
  rows: unknown[][],
  tail: string,
): Promise<Record<string, unknown>[]> => {
  if (rows.length === 0) return [];
  const places = rows.map((row, i) => `(${row.map((_, j) => `$${i * row.length + j + 1}`)})`);
  return query(
    `INSERT INTO ${table} (${columns.map(columnOf)}) VALUES ${places} ON CONFLICT DO NOTHING ${tail}`,
    rows.flat().map(storable),
  );
};

const addSums = async (
  query: Query,
  table: keyof typeof KEYS,
  row: Sums & { histogram: Map<number, number> },
): Promise<void> => {
  const keys = KEYS[table];
  const values = keys.map((key) => storable((row as unknown as Record<string, unknown>)[key]));
  const [before] = await query<{ histogram: Uint8Array }>(
    `SELECT histogram FROM ${table} WHERE ${keys.map((key, i) => `${columnOf(key)} = $${i + 1}`).join(' AND ')}`,
    values,
  );
  const own = packHistogram(row.histogram);
  const columns = [...keys, ...SUMS, 'histogram'].map(columnOf);
  await query(
    `INSERT INTO ${table} (${columns}) VALUES (${columns.map((_, i) => `$${i + 1}`)})
     ON CONFLICT (${keys.map(columnOf)}) DO UPDATE SET
     ${SUMS.map(columnOf).map((sum) => `${sum} = ${table}.${sum} + excluded.${sum}`)}, histogram = excluded.histogram`,
    [
      ...values,
      ...SUMS.map((sum) => row[sum as keyof Sums]),
      before === undefined ? own : mergePacked(before.histogram, own),
    ],
  );
};
