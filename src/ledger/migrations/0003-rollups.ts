import type { DatabaseSync } from 'node:sqlite';
import { SqliteRollups } from '../sqlite-rollups.ts';
import { readEntries } from '../sqlite-rows.ts';

const SUM_COLUMNS = `
  requests INTEGER NOT NULL,
  streamed INTEGER NOT NULL,
  escalated INTEGER NOT NULL,
  fell_back INTEGER NOT NULL,
  estimated INTEGER NOT NULL,
  unknown_costs INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  baseline_nano_usd INTEGER NOT NULL,
  saved_nano_usd INTEGER NOT NULL,
  full_saved_nano_usd INTEGER NOT NULL,
  cache_saved_nano_usd INTEGER NOT NULL,
  waste_nano_usd INTEGER NOT NULL,
  hardware_nano_usd INTEGER NOT NULL,
  energy_wh REAL NOT NULL,
  histogram BLOB NOT NULL`;

/**
 * Roll-ups by hour and day, kept in the same transaction as the entries, so that reports need not read those; and the
 * outbox: entries that have yet to reach Postgres.
 */
export const rollups = `
CREATE TABLE rollups (
  step TEXT NOT NULL,
  at INTEGER NOT NULL,
  team TEXT NOT NULL,
  key_id TEXT NOT NULL,
  route TEXT NOT NULL,
  tier TEXT NOT NULL,
  upstream TEXT NOT NULL,
  model TEXT NOT NULL,
  cache TEXT NOT NULL,
  outcome TEXT NOT NULL,${SUM_COLUMNS},
  PRIMARY KEY (step, at, team, key_id, route, tier, upstream, model, cache, outcome)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag_rollups (
  step TEXT NOT NULL,
  at INTEGER NOT NULL,
  team TEXT NOT NULL,
  tag TEXT NOT NULL,
  value TEXT NOT NULL,
  cache TEXT NOT NULL,
  outcome TEXT NOT NULL,${SUM_COLUMNS},
  PRIMARY KEY (step, at, team, tag, value, cache, outcome)
) STRICT, WITHOUT ROWID;

CREATE INDEX entries_by_team ON entries (team, at);

CREATE TABLE outbox (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  entry_id TEXT NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX outbox_by_entry ON outbox (entry_id);
`;

/** Rolls up the entries from before; once every step is applied, for it reads them as they are now. */
export const rollUpOldEntries = (database: DatabaseSync): void => {
  const sums = new SqliteRollups(database);
  const batch = [];
  for (const entry of readEntries(database)) {
    batch.push(entry);
    if (batch.length === 1_000) sums.add(batch.splice(0));
  }
  sums.add(batch);
};
