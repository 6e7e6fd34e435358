import type { Clock } from '../lib/clock.ts';
import type { SqlDatabase } from '../lib/sql-database.ts';
import type { AlertLog } from './alert-log.ts';
import { ALERT_LEASE_MS } from './alert-log.ts';

/** Steps of the schema for SQLite. */
export const ALERT_TABLES = ['CREATE TABLE alerts (id TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;'];

const BEGIN = `INSERT INTO alerts (id, until) VALUES ($1, $2)
ON CONFLICT (id) DO UPDATE SET until = excluded.until WHERE alerts.until <= $3`;
const DONE = 'UPDATE alerts SET until = $2 WHERE id = $1';
const FORGET = 'DELETE FROM alerts WHERE until <= $1';

/** In a database of this machine; what has run out is forgotten with each alert. */
export class SqlAlertLog implements AlertLog {
  readonly #database: SqlDatabase;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(database: SqlDatabase, clock: Pick<Clock, 'now'>) {
    this.#database = database;
    this.#clock = clock;
  }

  begin(id: string): Promise<boolean> {
    const now = this.#clock.now();
    return this.#database.write([{ text: BEGIN, values: [id, now + ALERT_LEASE_MS, now], mustMatch: true }]);
  }

  async done(id: string, keepMs: number): Promise<void> {
    const now = this.#clock.now();
    await this.#database.write([
      { text: DONE, values: [id, now + keepMs] },
      { text: FORGET, values: [now] },
    ]);
  }
}
