import { POSTGRES_KEY_TABLES } from '../../auth/key-tables.ts';
import { POSTGRES_LEDGER } from '../../ledger/migrations/postgres-0001-ledger.ts';
import { openToRead } from '../../ledger/sqlite-ledger-file.ts';
import { SqliteOutbox } from '../../ledger/sqlite-outbox.ts';
import type { Clock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/logger.ts';
import { Postgres } from '../../lib/postgres.ts';
import { RedisConnection } from '../../lib/redis-connection.ts';
import type { Settings } from '../../settings.ts';
import { broken, type Finding, ok, warning } from './finding.ts';

/** Redis, where `REDIS_URL` names one; the gateway works without it, each process for itself. */
export const checkRedis = async ({ redis }: Settings, clock: Clock, limitMs: number): Promise<Finding[]> => {
  if (redis === null) return [];
  const connection = new RedisConnection({ ...redis, clock, logger: createLogger('silent') });
  try {
    await connection.settled(limitMs);
    const { state, detail } = connection.state();
    if (state === 'ready') return [ok('redis', detail)];
    return [
      warning('redis', detail, 'check REDIS_URL and that it runs; until then limits and cache are of each process'),
    ];
  } finally {
    await connection.close();
  }
};

/** Parts of the database whose tables the gateway makes and knows. */
const PARTS: Record<string, number> = { ledger: POSTGRES_LEDGER.length, keys: POSTGRES_KEY_TABLES.length };
/** Entries that wait before the ledger of all is said to lag behind. */
const LAGGING = 1_000;

/** Postgres, where `DATABASE_URL` names one: whether it answers, its tables, and what has yet to reach it. Makes nothing. */
export const checkPostgres = async ({ databaseUrl, dataDir }: Settings, limitMs: number): Promise<Finding[]> => {
  if (databaseUrl === null) return [];
  const logger = createLogger('silent');
  let postgres: Postgres;
  try {
    postgres = new Postgres({ url: databaseUrl, connectTimeoutMs: limitMs, queryTimeoutMs: limitMs, logger });
  } catch {
    return [broken('postgres', 'DATABASE_URL is no URL', 'write postgres://user:password@host:5432/database')];
  }
  try {
    const [server] = await postgres.query<{ version: string; schema: string | null }>(
      "SELECT current_setting('server_version') AS version, to_regclass('rightsize_schema')::text AS schema",
    );
    const rows =
      server?.schema == null
        ? []
        : await postgres.query<{ part: string; version: number }>('SELECT part, version FROM rightsize_schema');
    return [ok('postgres', `answers, version ${server?.version}`), checkTables(rows), ...checkOutbox(dataDir)];
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const advice = 'check DATABASE_URL and that it runs: without it no key is found, and ledger entries wait on disk';
    return [broken('postgres', `does not answer: ${code ?? message}`, advice), ...checkOutbox(dataDir)];
  } finally {
    await postgres.close();
  }
};

const checkTables = (rows: { part: string; version: number }[]): Finding => {
  const newer = rows.find(({ part, version }) => version > (PARTS[part] ?? Number.POSITIVE_INFINITY));
  if (newer !== undefined) {
    const detail = `version ${newer.version} of the tables for ${newer.part}, and this program knows ${PARTS[newer.part]}`;
    return broken('postgres tables', detail, 'run the newer version of this program, or another database');
  }
  const isCurrent = Object.entries(PARTS).every(([part, version]) =>
    rows.some((row) => row.part === part && row.version === version),
  );
  return ok(
    'postgres tables',
    isCurrent ? 'up to date' : 'made or brought up to date by the next start of the gateway',
  );
};

const checkOutbox = (dataDir: string): Finding[] => {
  try {
    const database = openToRead(dataDir, 2_000);
    if (database === null) return [];
    const { waiting, parked } = new SqliteOutbox(database).lag();
    database.close();
    const detail = `${waiting - parked} ledger entries wait for Postgres`;
    if (parked > 0) {
      return [
        warning('outbox', `${detail}, ${parked} that it refused are left behind`, "see the gateway's log for why"),
      ];
    }
    const advice = 'the gateway carries them over when it runs and Postgres answers';
    return [waiting > LAGGING ? warning('outbox', detail, advice) : ok('outbox', detail)];
  } catch (error) {
    return [warning('outbox', (error as Error).message, 'without it nobody knows what has yet to reach Postgres')];
  }
};
