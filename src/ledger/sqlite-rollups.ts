import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { LedgerEntry } from '../contract/ledger-entry.ts';
import { mergePacked, packHistogram } from './histogram.ts';
import { DIMENSIONS, rollUp, SUMS, type Sums } from './rollup.ts';
import { columnOf } from './sqlite-rows.ts';
import { TagBounds } from './tag-bounds.ts';

const KEYS = {
  rollups: ['step', 'at', ...DIMENSIONS],
  tag_rollups: ['step', 'at', 'team', 'tag', 'value', 'cache', 'outcome'],
};

/** Keeps the roll-ups of a ledger in step: `add` belongs into the transaction that stores the entries. */
export class SqliteRollups {
  readonly #bounds: TagBounds;
  readonly #rollups: StatementSync;
  readonly #tags: StatementSync;

  constructor(database: DatabaseSync) {
    database.function('merge_histograms', { deterministic: true }, (a, b) =>
      mergePacked(a as Uint8Array, b as Uint8Array),
    );
    this.#rollups = database.prepare(upsert('rollups'));
    this.#tags = database.prepare(upsert('tag_rollups'));
    const values = database.prepare(
      "SELECT DISTINCT value FROM tag_rollups WHERE step IN ('hour', 'day') AND at = ? AND team = ? AND tag = ? LIMIT 201",
    );
    this.#bounds = new TagBounds((team, tag, at) => values.all(at, team, tag).map(({ value }) => String(value)));
  }

  add(entries: Iterable<LedgerEntry>): void {
    const { rollups, tags } = rollUp(entries, this.#bounds.admit);
    for (const row of rollups) this.#rollups.run(...valuesOf(KEYS.rollups, row));
    for (const row of tags) this.#tags.run(...valuesOf(KEYS.tag_rollups, row));
  }
}

const upsert = (table: keyof typeof KEYS): string => {
  const keys = KEYS[table].map(columnOf);
  const sums = SUMS.map(columnOf);
  const columns = [...keys, ...sums, 'histogram'];
  return `INSERT INTO ${table} (${columns}) VALUES (${columns.map(() => '?')})
    ON CONFLICT (${keys}) DO UPDATE SET ${sums.map((sum) => `${sum} = ${sum} + excluded.${sum}`)},
    histogram = merge_histograms(histogram, excluded.histogram)`;
};

const valuesOf = (keys: string[], row: Sums & { histogram: Map<number, number> }): SQLInputValue[] => [
  ...keys.map((key) => (row as unknown as Record<string, SQLInputValue>)[key] as SQLInputValue),
  ...SUMS.map((sum) => row[sum as keyof Sums]),
  packHistogram(row.histogram),
];
