import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import type { AppOptions } from './app-options.ts';
import { Flights } from './cache/flights.ts';
import { createRealtime } from './endpoints/realtime.ts';
import { ModelHealth } from './execution/model-health.ts';
import { createGatewayServer } from './http/gateway-server.ts';
import { HealthLog } from './http/health-log.ts';
import { createHttpApp } from './http/http-app.ts';
import { createMetrics } from './http/metrics.ts';
import { readinessOf, type ServiceState } from './http/readiness.ts';
import { GenerationSpeeds } from './ledger/generation-speeds.ts';
import { observeLedger } from './ledger/observed-ledger-store.ts';
import type { Shipper } from './ledger/shipper.ts';
import { programVersion } from './lib/program-version.ts';
import { Calendar } from './limits/period.ts';
import { budgetAccounts, limitedIn } from './limits/subjects.ts';
import { openLimits } from './open-limits.ts';
import { openRecordings } from './open-recordings.ts';
import { openRuntime } from './open-runtime.ts';
import { openStores } from './open-stores.ts';
import type { Ports, Runtime } from './ports.ts';
import { createRequestHandlers } from './request-handlers.ts';
import { MemoryResponseStore } from './responses/memory-response-store.ts';
import { CostPace } from './routing/cost-pace.ts';
import { startShareExchange } from './routing/redis-share-exchange.ts';
import { ShareThresholds } from './routing/share-thresholds.ts';
import { createThreadSimulator } from './thread-simulator.ts';
import { UpstreamRegistry } from './upstream-registry.ts';

export type App = {
  server: Server;
  runtime(): Runtime;
  /** Stops accepting, lets running requests end for at most `drainMs`, then closes everything that was opened here. */
  close(drainMs: number): Promise<void>;
};

/** Puts the gateway together. Overrides replace single ports, for tests and the demo. */
export const createApp = (options: AppOptions, overrides: Partial<Ports> = {}): App => {
  const { config, clock, logger, access, redis, reports, classifier, dataDir } = options;
  const registry = new UpstreamRegistry(options);
  const configuration = openRuntime(options, registry);
  const runtime = configuration.current;
  const { replies, ...stores } = openStores(options, () => ['default', ...Object.keys(runtime().table.teams)]);
  const limits = openLimits(options, runtime);
  const health = new ModelHealth(clock);
  const recordings = openRecordings({ directory: dataDir, clock, logger });
  const shares = new ShareThresholds(classifier.typicalDifficulties);
  const exchange = redis && startShareExchange(redis, shares, clock);
  const metrics = createMetrics({
    health,
    runtime,
    limits: limits.figures,
    semantic: stores.semantic.figures,
    redis,
    shipper: options.shipper,
    worker: options.worker,
  });
  const speeds = new GenerationSpeeds();
  const pace = openPace(options);
  const ports: Ports = {
    clock,
    logger,
    runtime,
    keys: access.keys,
    counters: limits.counters,
    calendar: new Calendar(),
    ...stores,
    flights: new Flights(),
    ledger: observeLedger(options.ledger, (entry) => {
      metrics.observe(entry);
      speeds.observe(entry);
      pace.observe(entry, runtime().table.tiers.at(-1)?.name ?? '');
    }),
    recordings,
    health,
    pace,
    shares,
    random: Math.random,
    ...overrides,
  };
  readBudgets(ports);
  const readiness = () => readinessOf(runtime(), config.status(), ports.health, servicesOf(options, limits.state()));
  const healthLog = new HealthLog(clock, readiness);
  const responses = options.responses ?? new MemoryResponseStore(clock);
  const handlers = createRequestHandlers(ports, { replies, responses });
  const { fetch } = createHttpApp({
    ...handlers,
    runtime: ports.runtime,
    configStatus: () => config.status(),
    configHistory: configuration.history,
    editor: configuration.editor,
    loadText: configuration.loadText,
    keys: ports.keys,
    authority: access.authority,
    registry: access.registry,
    manager: access.manager,
    health: ports.health,
    cache: ports.cache,
    semantic: ports.semantic,
    counters: ports.counters,
    calendar: ports.calendar,
    reports: reports ?? null,
    simulator: reports === undefined ? null : createThreadSimulator(dataDir, clock),
    version: programVersion(),
    readiness,
    healthLog,
    speeds,
    metrics,
    clock,
    logger,
    bodyLimits: options.bodyLimits,
    dashboardDir: join(import.meta.dirname, import.meta.filename.endsWith('.ts') ? '../dist/dashboard' : 'dashboard'),
    routesSchema: readFileSync(join(import.meta.dirname, 'config/routes.schema.json'), 'utf8'),
  });
  const frontDoor = {
    origins: () => runtime().config.routes.cors.origins,
    isKeyRequired: () => ports.keys.isKeyRequired(),
    clock,
  };
  const { server, stop } = createGatewayServer({ fetch, openTunnel: createRealtime(ports), frontDoor });
  return {
    server,
    runtime,
    async close(drainMs) {
      configuration.stopWatching();
      healthLog.close();
      await stop(drainMs);
      exchange?.stop();
      await Promise.all([ports.flights.close(), replies.close(), handlers.background.close()]);
      await limits.close();
      await recordings.close();
      await registry.close();
      await configuration.history.close();
    },
  };
};

const openPace = ({ ledger, clock, logger, worker }: AppOptions): CostPace => {
  const pace = new CostPace(
    clock,
    async (sinceMs) => {
      const rows = await ledger.spend({ sinceMs, untilMs: clock.now(), by: 'route' });
      return new Map(rows.map(({ group, costNanoUsd }) => [group, costNanoUsd]));
    },
    worker?.name.count,
  );
  pace.open().catch((error: unknown) => logger.warn({ err: error }, 'what today has cost so far cannot be read'));
  return pace;
};

/** Budgets are read from the ledger now, so that no request has to wait for it. */
const readBudgets = ({ runtime, counters, calendar, clock, logger }: Ports): void => {
  const budgets = budgetAccounts(limitedIn(runtime().config.routes), calendar, clock.now());
  counters.read(budgets).catch((error) => logger.error({ err: error }, 'budgets could not be read'));
};

/** The states of what is beside the gateway, as far as there is any. */
const servicesOf = (
  { redis, postgres, shipper }: AppOptions,
  limits: ServiceState | null,
): Record<string, ServiceState> => ({
  ...(redis && { redis: redis.state() }),
  ...(postgres && { postgres: postgres.state() }),
  ...(shipper && { ledger: shownState(shipper) }),
  ...(limits && { limits }),
});

const shownState = (shipper: Pick<Shipper, 'state'>): ServiceState => {
  const { state, detail } = shipper.state();
  return { state, detail };
};
