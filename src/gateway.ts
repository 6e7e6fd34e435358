import { once } from 'node:events';
import { type App, createApp } from './app.ts';
import { createAccess } from './auth/access.ts';
import { adminKeyFile, readOrMakeAdminKey } from './auth/admin-key-file.ts';
import { RedisKeyNews } from './auth/redis-key-news.ts';
import { shareReloads } from './cluster/share-reloads.ts';
import type { WorkerLink } from './cluster/worker-link.ts';
import type { ConfigSource } from './config/config-source.ts';
import { createFileConfigSource } from './config/file-config-source.ts';
import { loadClassifier } from './difficulty/load-classifier.ts';
import { parseWeights } from './difficulty/weights.ts';
import { startCheckpoints } from './ledger/checkpoint-worker.ts';
import { PostgresLedger } from './ledger/postgres-ledger.ts';
import { keepRetention } from './ledger/retention.ts';
import { Shipper } from './ledger/shipper.ts';
import { SqliteLedgerStore } from './ledger/sqlite-ledger-store.ts';
import { ThreadReports } from './ledger/thread-reports.ts';
import type { Clock } from './lib/clock.ts';
import { createLogger } from './lib/logger.ts';
import { Postgres } from './lib/postgres.ts';
import { RedisConnection } from './lib/redis-connection.ts';
import { UsageError } from './lib/usage-error.ts';
import { openKeyDatabase } from './open-key-database.ts';
import { RedisResponseStore } from './responses/redis-response-store.ts';
import { SqliteResponseStore } from './responses/sqlite-response-store.ts';
import { isLoopback, type Settings } from './settings.ts';

export type Gateway = {
  /** `http://127.0.0.1:8787`, with the port really taken. */
  url: string;
  config: ConfigSource;
  /** Where the admin key is, when none was configured. */
  adminKeyFile: string | null;
  app: App;
  /** Drains for at most `drainMs`, then closes. */
  close(drainMs: number): Promise<void>;
};

const BODY_TIMEOUT_MS = 60_000;
/** How long a key from Postgres is taken to be as it was, when nobody says that it has changed. */
const KEY_MAX_AGE_MS = 5_000;
/** Longest wait for Redis before the first request is taken; it may come later just as well. */
const REDIS_START_MS = 500;

/**
 * Starts a gateway that listens.
 * @throws ConfigError for a routes.yaml that cannot be used; UsageError for an address beyond this machine without any
 * key, unless told that this is meant, and for responses in a Redis that is not named; Error, in words, for a port or data directory that cannot.
 */
export const startGateway = async (
  settings: Settings,
  {
    environment,
    clock,
    worker,
  }: { environment: Readonly<Record<string, string | undefined>>; clock: Clock; worker?: WorkerLink | undefined },
): Promise<Gateway> => {
  const logger = createLogger(settings.logLevel, worker ? { worker: worker.name.number } : null);
  // Of several workers one keeps house for all, and tells what they all see.
  const keepsHouse = worker === undefined || worker.isFirst;
  const source = await createFileConfigSource({
    file: settings.configFile,
    environment,
    checkModel: parseWeights,
    clock,
    logger: keepsHouse ? logger : createLogger('silent'),
  });
  const config = worker === undefined ? source : shareReloads(source, worker);
  const keepsResponsesInRedis = config.current().routes.responses.keepIn === 'redis';
  if (keepsResponsesInRedis && settings.redis === null) {
    config.close();
    throw new UsageError('responses: { keepIn: redis } needs REDIS_URL');
  }
  const redis = settings.redis === null ? undefined : new RedisConnection({ ...settings.redis, clock, logger });
  const classifier = await loadClassifier();
  const postgres = settings.databaseUrl === null ? null : new Postgres({ url: settings.databaseUrl, logger });
  const ledger = SqliteLedgerStore.open({ directory: settings.dataDir, hasOutbox: postgres !== null });
  const endCheckpoints = keepsHouse ? startCheckpoints(settings.dataDir, logger) : async () => {};
  const threadReports = new ThreadReports({ directory: settings.dataDir, clock, logger });
  const sharedLedger = postgres && new PostgresLedger(postgres);
  const shipper =
    sharedLedger && ledger.outbox
      ? new Shipper({
          outbox: ledger.outbox,
          take: (entries) => sharedLedger.take(entries),
          clock,
          logger,
          random: Math.random,
        })
      : null;
  const endRetention = keepsHouse
    ? keepRetention({
        prune: (before, limit) => ledger.prune(before, limit),
        pruneShared: sharedLedger && ((before) => sharedLedger.prune(before)),
        retentionMs: () => config.current().routes.ledger.retention,
        clock,
        logger,
      })
    : () => {};
  const keyDatabase = openKeyDatabase({ postgres, dataDir: settings.dataDir });
  const responses =
    redis !== undefined && keepsResponsesInRedis
      ? new RedisResponseStore({ redis, clock })
      : SqliteResponseStore.open({ directory: settings.dataDir, clock });
  const caller = { keyId: 'key_environment', team: 'default' };
  const isClosedDoor = !isLoopback(settings.host) && !settings.isInsecure;
  const access = createAccess({
    database: keyDatabase,
    fixedKeys: settings.apiKey === null ? [] : [{ secret: settings.apiKey, caller }],
    adminKey: settings.adminKey ?? readOrMakeAdminKey(settings.dataDir),
    // What the processes of one machine share is looked up each time: it takes microseconds, and is never out of date.
    maxAgeMs: postgres === null ? 0 : KEY_MAX_AGE_MS,
    isAlwaysRequired: isClosedDoor,
    news: redis && new RedisKeyNews(redis, logger),
    clock,
    logger,
  });
  const app = createApp({
    config,
    clock,
    logger,
    access,
    ledger,
    reports: sharedLedger?.reports() ?? threadReports,
    isLedgerShared: sharedLedger !== null,
    shipper,
    redis,
    postgres: postgres ?? undefined,
    responses,
    classifier,
    dataDir: settings.dataDir,
    engineDir: settings.engineDir,
    environment,
    bodyLimits: { maxBytes: settings.maxBodyBytes, timeoutMs: BODY_TIMEOUT_MS },
    worker,
  });
  const close = async (drainMs: number) => {
    await app.close(drainMs);
    config.close();
    endRetention();
    await shipper?.stop();
    await threadReports.close();
    await endCheckpoints();
    await ledger.close();
    await access.close();
    await keyDatabase.close();
    await postgres?.close();
    await redis?.close();
    await responses.close();
  };
  if (keepsHouse) shipper?.start();
  await redis?.settled(REDIS_START_MS);
  try {
    if ((await access.keys.start()) === false && isClosedDoor) throw openDoorError(settings);
    app.server.listen(settings.port, settings.host);
    await once(app.server, 'listening');
  } catch (error) {
    await close(0);
    throw error instanceof UsageError ? error : listenError(error as NodeJS.ErrnoException, settings);
  }
  return {
    url: urlOf(app, settings.host),
    config,
    adminKeyFile: settings.adminKey === null ? adminKeyFile(settings.dataDir) : null,
    app,
    close,
  };
};

/** Without a key anyone who reaches the port would spend the owner's money. */
const openDoorError = ({ host }: Settings): UsageError =>
  new UsageError(
    `${host} can be reached from other machines and no key is required; make one with \`rightsize keys create\`, set ` +
      'RIGHTSIZE_API_KEY, or say --insecure',
  );

const urlOf = ({ server }: App, host: string): string => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
};

const listenError = (error: NodeJS.ErrnoException, { host, port }: Settings): Error => {
  if (error.code === 'EADDRINUSE') {
    return new Error(`port ${port} on ${host} is taken; stop what listens there, or choose another with --port`);
  }
  return new Error(`cannot listen on ${host}:${port} (${error.code ?? error.message})`);
};
