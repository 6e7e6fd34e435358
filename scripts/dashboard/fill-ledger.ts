import type { LedgerEntry } from '../../src/contract/ledger-entry.ts';
import { openToWrite } from '../../src/ledger/sqlite-ledger-file.ts';
import { SqliteRollups } from '../../src/ledger/sqlite-rollups.ts';
import * as rows from '../../src/ledger/sqlite-rows.ts';
import { inTransaction } from '../../src/ledger/sqlite-transaction.ts';

/** Entries in one transaction: roll-ups of an hour are written once in it, which is what takes the time. */
const BATCH_ENTRIES = 20_000;

/** Puts many entries with their roll-ups into the ledger of a data directory, made when missing; none is waited for on disk. */
export const fillLedger = (directory: string, entries: Iterable<LedgerEntry>): void => {
  const database = openToWrite(directory, 2_000);
  database.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -200000');
  const entry = database.prepare(rows.INSERT_ENTRY);
  const attempt = database.prepare(rows.INSERT_ATTEMPT);
  const rollups = new SqliteRollups(database);
  const store = (batch: LedgerEntry[]) =>
    inTransaction(database, () => {
      for (const one of batch) {
        entry.run(...rows.entryValues(one));
        for (const [position, call] of one.attempts.entries()) {
          attempt.run(...rows.attemptValues(one.id, position, call));
        }
      }
      rollups.add(batch);
    });
  let batch: LedgerEntry[] = [];
  for (const one of entries) {
    batch.push(one);
    if (batch.length === BATCH_ENTRIES) {
      store(batch);
      batch = [];
    }
  }
  store(batch);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
};
