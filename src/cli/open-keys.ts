import { userInfo } from 'node:os';
import { type Actor, KeyManager } from '../auth/key-manager.ts';
import type { KeyRegistry } from '../auth/key-registry.ts';
import { RedisKeyNews } from '../auth/redis-key-news.ts';
import { SqlKeyRegistry } from '../auth/sql-key-registry.ts';
import { createLogger } from '../lib/logger.ts';
import { Postgres } from '../lib/postgres.ts';
import { RedisConnection } from '../lib/redis-connection.ts';
import { openKeyDatabase } from '../open-key-database.ts';
import { readSettings } from '../settings.ts';
import type { CliContext } from './context.ts';

export type Keys = { registry: KeyRegistry; manager: KeyManager; actor: Actor };

const REDIS_WAIT_MS = 2_000;

/**
 * Runs `work` on the keys of the data directory, or of Postgres where `DATABASE_URL` is set; gateways that share a Redis
 * are told of each change.
 */
export const withKeys = async <Result>(
  { dataDir }: { dataDir?: string },
  { environment, clock }: Pick<CliContext, 'environment' | 'clock'>,
  work: (keys: Keys) => Promise<Result>,
): Promise<Result> => {
  const settings = readSettings(dataDir === undefined ? {} : { dataDir }, environment);
  const logger = createLogger(settings.logLevel);
  const postgres = settings.databaseUrl === null ? null : new Postgres({ url: settings.databaseUrl, logger });
  const database = openKeyDatabase({ postgres, dataDir: settings.dataDir });
  const redis = settings.redis && new RedisConnection({ ...settings.redis, clock, logger });
  try {
    await redis?.settled(REDIS_WAIT_MS);
    const registry = new SqlKeyRegistry(database);
    const news = redis && new RedisKeyNews(redis, logger);
    const manager = new KeyManager({
      registry,
      clock,
      onChange: async ({ id, version }) => news?.tell(id, version),
    });
    return await work({ registry, manager, actor: { actor: userName(), actorKeyId: null, via: 'cli' } });
  } finally {
    await database.close();
    await postgres?.close();
    await redis?.close();
  }
};

const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return 'unknown user';
  }
};
