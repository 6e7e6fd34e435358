import type { Clock } from '../lib/clock.ts';
import type { SqlDatabase } from '../lib/sql-database.ts';
import { type AdminSession, type AdminSessionStore, MAX_SESSIONS_PER_KEY } from './admin-session-store.ts';

const INSERT = 'INSERT INTO rightsize_admin_sessions (id_digest, key_digest, expires_at) VALUES ($1, $2, $3)';
const DROP_EXPIRED = 'DELETE FROM rightsize_admin_sessions WHERE expires_at <= $1';
const DROP_OLDEST = `DELETE FROM rightsize_admin_sessions WHERE key_digest = $1 AND id_digest NOT IN (
  SELECT id_digest FROM rightsize_admin_sessions WHERE key_digest = $1
  ORDER BY expires_at DESC, id_digest LIMIT ${MAX_SESSIONS_PER_KEY})`;
const FIND = `SELECT id_digest AS "idDigest", key_digest AS "keyDigest", expires_at AS "expiresAt"
  FROM rightsize_admin_sessions WHERE id_digest = $1 AND expires_at > $2`;
const CLOSE = 'DELETE FROM rightsize_admin_sessions WHERE id_digest = $1';

/** Sessions beside the keys, so that every worker and every gateway knows them. */
export class SqlAdminSessionStore implements AdminSessionStore {
  readonly #database: SqlDatabase;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(database: SqlDatabase, clock: Pick<Clock, 'now'>) {
    this.#database = database;
    this.#clock = clock;
  }

  async open({ idDigest, keyDigest, expiresAt }: AdminSession): Promise<void> {
    await this.#database.write([
      { text: DROP_EXPIRED, values: [this.#clock.now()] },
      { text: INSERT, values: [idDigest, keyDigest, expiresAt] },
      { text: DROP_OLDEST, values: [keyDigest] },
    ]);
  }

  async find(idDigest: string): Promise<AdminSession | null> {
    const [session] = await this.#database.query<AdminSession>(FIND, [idDigest, this.#clock.now()]);
    return session ?? null;
  }

  async close(idDigest: string): Promise<void> {
    await this.#database.write([{ text: CLOSE, values: [idDigest] }]);
  }
}
