import { join } from 'node:path';
import { POSTGRES_KEY_TABLES, SQLITE_KEY_TABLES } from './auth/key-tables.ts';
import type { Postgres } from './lib/postgres.ts';
import { PostgresDatabase } from './lib/postgres-database.ts';
import type { SqlDatabase } from './lib/sql-database.ts';
import { SqliteDatabase } from './lib/sqlite-database.ts';

/**
 * Where keys live: in Postgres where there is one, so that many gateways share them, else in the data directory.
 * @throws Error that names the file when it cannot be opened. Postgres is not waited for.
 */
export const openKeyDatabase = ({ postgres, dataDir }: { postgres: Postgres | null; dataDir: string }): SqlDatabase =>
  postgres === null
    ? new SqliteDatabase({ file: join(dataDir, 'keys.sqlite'), steps: SQLITE_KEY_TABLES })
    : new PostgresDatabase(postgres, 'keys', POSTGRES_KEY_TABLES);
