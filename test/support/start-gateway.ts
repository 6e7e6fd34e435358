import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, createApp } from '../../src/app.ts';
import { type Access, createAccess } from '../../src/auth/access.ts';
import { createFileConfigSource } from '../../src/config/file-config-source.ts';
import type { Caller } from '../../src/contract/caller.ts';
import type { LedgerEntry } from '../../src/contract/ledger-entry.ts';
import { loadClassifier } from '../../src/difficulty/load-classifier.ts';
import type { LedgerStore } from '../../src/ledger/ledger-store.ts';
import { MemoryLedgerStore } from '../../src/ledger/memory-ledger-store.ts';
import { ThreadReports } from '../../src/ledger/thread-reports.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/logger.ts';
import type { RedisConnection } from '../../src/lib/redis-connection.ts';
import { openKeyDatabase } from '../../src/open-key-database.ts';
import type { Ports } from '../../src/ports.ts';
import type { ResponseStore } from '../../src/responses/response-store.ts';
import { until } from './until.ts';

export type TestGatewayOptions = {
  /** routes.yaml, as text or as the object that it spells. */
  routes: string | object;
  clock?: Clock;
  /** Opens the admin API; `ADMIN_KEY` by default. */
  adminKey?: string;
  keys?: { secret: string; caller: Caller }[];
  ledger?: (dataDir: string) => LedgerStore;
  maxBodyBytes?: number;
  /** Closed by whoever opened it. */
  redis?: RedisConnection;
  /** Where responses are kept; in memory by default. */
  responses?: ResponseStore;
  overrides?: Partial<Ports>;
};

export const ADMIN_KEY = 'rsa-test-admin-key';

export type TestGateway = {
  /** Without `/v1`. */
  url: string;
  app: App;
  access: Access;
  configFile: string;
  dataDir: string;
  /** Everything in the ledger, oldest first. */
  entries(): Promise<LedgerEntry[]>;
  /** Waits for the ledger to have `count` entries; fails when it has more. */
  untilEntries(count: number): Promise<LedgerEntry[]>;
  close(): Promise<void>;
};

/** A gateway that listens on a free port, with its own data directory, the shipped classifier and no model host. */
export const startGateway = async (options: TestGatewayOptions): Promise<TestGateway> => {
  const { routes, clock = systemClock, keys = [], maxBodyBytes = 32 * 1024 * 1024, overrides = {} } = options;
  const dataDir = mkdtempSync(join(tmpdir(), 'rightsize-test-'));
  const configFile = join(dataDir, 'routes.yaml');
  // JSON is YAML.
  writeFileSync(configFile, typeof routes === 'string' ? routes : JSON.stringify(routes, null, 2));
  const logger = createLogger('silent');
  const config = await createFileConfigSource({ file: configFile, environment: {}, clock, logger });
  const ledger = options.ledger?.(dataDir) ?? new MemoryLedgerStore();
  // A ledger in a file has reports; one in memory ends with its process.
  const reports = options.ledger === undefined ? undefined : new ThreadReports({ directory: dataDir, clock, logger });
  const database = openKeyDatabase({ postgres: null, dataDir });
  const access = createAccess({
    database,
    fixedKeys: keys,
    adminKey: options.adminKey ?? ADMIN_KEY,
    maxAgeMs: 0,
    isAlwaysRequired: false,
    clock,
    logger,
  });
  await access.keys.start();
  const app = createApp(
    {
      config,
      clock,
      logger,
      access,
      ledger,
      reports,
      redis: options.redis,
      ...(options.responses && { responses: options.responses }),
      classifier: await loadClassifier(),
      dataDir,
      engineDir: join(dataDir, 'engine'),
      environment: process.env,
      bodyLimits: { maxBytes: maxBodyBytes, timeoutMs: 60_000 },
    },
    overrides,
  );
  app.server.listen(0, '127.0.0.1');
  await once(app.server, 'listening');
  const entries = async () => (await ledger.recent({ sinceMs: 0, limit: 1000 })).reverse();
  return {
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    app,
    access,
    configFile,
    dataDir,
    entries,
    async untilEntries(count) {
      await until(async () => (await entries()).length >= count, 5_000, `${count} ledger entries`);
      const found = await entries();
      if (found.length !== count) throw new Error(`expected ${count} ledger entries, found ${found.length}`);
      return found;
    },
    async close() {
      app.server.closeAllConnections();
      await app.close(0);
      config.close();
      await reports?.close();
      await ledger.close();
      await access.close();
      await database.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
};

/** Short limits, so that a stalled upstream fails a test in tenths of a second. */
export const SHORT_TIMEOUTS = { connect: '1s', firstByte: '400ms', idle: '400ms', total: '1200ms' };
/** Limits that no test reaches. */
export const LONG_TIMEOUTS = { connect: '10s', firstByte: '60s', idle: '60s', total: '60s' };

export const PRICES = {
  small: { input: 0.1, output: 0.4 },
  large: { input: 1.25, cachedInput: 0.125, output: 10 },
} as const;

/**
 * Two tiers of one priced model each; requests are routed by difficulty unless `route` says otherwise. `timeouts` and
 * `kind` are those of the small upstream.
 */
export const twoTierRoutes = (
  urls: { small: string; large: string },
  {
    route = {},
    timeouts = LONG_TIMEOUTS,
    kind = 'openai-compatible',
  }: { route?: object; timeouts?: object; kind?: string } = {},
) => ({
  version: 1,
  upstreams: {
    'up-small': { kind, url: urls.small, timeouts },
    'up-large': { kind: 'openai-compatible', url: urls.large, timeouts: LONG_TIMEOUTS },
  },
  tiers: [
    { name: 'small', models: [{ upstream: 'up-small', model: 'small-1', price: PRICES.small }] },
    { name: 'large', models: [{ upstream: 'up-large', model: 'vendor/large-1', price: PRICES.large }] },
  ],
  routes: [{ name: 'default', match: { model: 'auto' }, difficulty: { threshold: 0.55 }, retries: 0, ...route }],
});
