import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { LedgerReports } from './ledger-reports.ts';
import { createReports } from './reports.ts';

/** Reports from an open ledger, on the caller's thread: for commands and for the thread of reports. */
export const createSqliteReports = (database: DatabaseSync): LedgerReports => {
  const prepared = new Map<string, StatementSync>();
  return createReports(async (sql, values) => {
    const statement = prepared.get(sql) ?? database.prepare(sql);
    prepared.set(sql, statement);
    return statement.all(...values);
  });
};
