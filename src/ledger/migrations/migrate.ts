import type { DatabaseSync } from 'node:sqlite';
import { inTransaction } from '../sqlite-transaction.ts';
import { entries } from './0001-entries.ts';
import { decisionsAndMoney } from './0002-decisions-and-money.ts';
import { rollUpOldEntries, rollups } from './0003-rollups.ts';
import { clientRequestId } from './0004-client-request-id.ts';

/** In order and never edited once released: the database's `user_version` is the number of those applied. */
const MIGRATIONS = [entries, decisionsAndMoney, rollups, clientRequestId];
/** The step that brought roll-ups. */
const ROLLUPS = 3;

/**
 * Brings the schema up to date, all steps in one transaction; several processes may do so at the same time.
 * @throws Error when the database was written by a newer version of this program.
 */
export const migrate = (database: DatabaseSync): void => {
  if (schemaVersion(database) === MIGRATIONS.length) return;
  inTransaction(database, () => {
    const version = schemaVersion(database);
    refuseNewer(version);
    for (const statements of MIGRATIONS.slice(version)) database.exec(statements);
    if (version < ROLLUPS) rollUpOldEntries(database);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
};

/** @throws Error unless the schema is the one this program knows. For connections that only read. */
export const requireCurrentSchema = (database: DatabaseSync): void => {
  const version = schemaVersion(database);
  refuseNewer(version);
  if (version < MIGRATIONS.length) throw new Error('it is from an older version; start the gateway once to upgrade it');
};

const refuseNewer = (version: number): void => {
  if (version <= MIGRATIONS.length) return;
  throw new Error(
    `it has schema version ${version} and this program knows ${MIGRATIONS.length}; run the newer version, or set another data directory`,
  );
};

const schemaVersion = (database: DatabaseSync): number =>
  Number(database.prepare('PRAGMA user_version').get()?.user_version);
