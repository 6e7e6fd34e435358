import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import type { Access } from './auth/access.ts';
import { BackgroundResponses } from './background-responses.ts';
import { DetectedSemanticStore } from './cache/detected-semantic-store.ts';
import { Flights } from './cache/flights.ts';
import { MemoryCacheStore } from './cache/memory-cache-store.ts';
import { MemoryEmbeddingCache } from './cache/memory-embedding-cache.ts';
import { MemorySemanticStore } from './cache/memory-semantic-store.ts';
import { MemoryServedSimilar } from './cache/memory-served-similar.ts';
import type { RecordedReply } from './cache/recorded-reply.ts';
import { RedisCacheStore } from './cache/redis-cache-store.ts';
import { RedisEmbeddingCache } from './cache/redis-embedding-cache.ts';
import { RedisSemanticStore } from './cache/redis-semantic-store.ts';
import { RedisServedSimilar } from './cache/redis-served-similar.ts';
import { ReplyFlights } from './cache/reply-flights.ts';
import { SemanticFigures } from './cache/semantic-figures.ts';
import { cacheScopes } from './cache-scope.ts';
import { ConfigHistory } from './config/config-history.ts';
import type { ConfigSource } from './config/config-source.ts';
import { diffConfig } from './config/diff.ts';
import { loadConfig } from './config/load.ts';
import type { LoadedConfig } from './config/loaded-config.ts';
import { readFileBounded } from './config/read-text.ts';
import { ConfigEditor } from './config-editor.ts';
import type { Incoming } from './contract/incoming.ts';
import type { AlertsConfig } from './contract/limits-schema.ts';
import { chatDialect } from './dialects/chat.ts';
import type { Dialect } from './dialects/dialect.ts';
import { messagesDialect } from './dialects/messages.ts';
import { createResponsesDialect } from './dialects/responses.ts';
import type { DifficultyClassifier } from './difficulty/classifier.ts';
import { classifierOf } from './difficulty/load-classifier.ts';
import { parseWeights } from './difficulty/weights.ts';
import { createCountTokens } from './endpoints/count-tokens.ts';
import { createEmbeddings } from './endpoints/embeddings.ts';
import { createFeedback } from './endpoints/feedback.ts';
import { createPassThrough } from './endpoints/pass-through.ts';
import { createRealtime } from './endpoints/realtime.ts';
import { createRerank } from './endpoints/rerank.ts';
import { createTextCompletions } from './endpoints/text-completions.ts';
import { UNCALIBRATED } from './execution/confidence.ts';
import { ModelHealth } from './execution/model-health.ts';
import { passFrontDoor } from './http/front-door.ts';
import { HealthLog } from './http/health-log.ts';
import { createHttpApp } from './http/http-app.ts';
import { answerMalformed } from './http/malformed-request.ts';
import { createMetrics } from './http/metrics.ts';
import type { BodyLimits } from './http/read-body.ts';
import { readinessOf, type ServiceState } from './http/readiness.ts';
import { createTunnels, type Tunnels } from './http/upgrade.ts';
import { createIdempotency } from './idempotency.ts';
import { GenerationSpeeds } from './ledger/generation-speeds.ts';
import type { BusyTime } from './ledger/hardware.ts';
import { readOrMakeLedgerId } from './ledger/ledger-id.ts';
import type { LedgerReports } from './ledger/ledger-reports.ts';
import type { LedgerStore } from './ledger/ledger-store.ts';
import { moneyOf } from './ledger/model-money.ts';
import { observeLedger } from './ledger/observed-ledger-store.ts';
import { loadPrices, type PriceBook } from './ledger/price-book.ts';
import type { Shipper } from './ledger/shipper.ts';
import type { Clock } from './lib/clock.ts';
import type { Logger } from './lib/logger.ts';
import type { NanoUsd } from './lib/money.ts';
import type { Postgres } from './lib/postgres.ts';
import { programVersion } from './lib/program-version.ts';
import type { RedisConnection } from './lib/redis-connection.ts';
import { SqliteDatabase } from './lib/sqlite-database.ts';
import type { BudgetAccount } from './limits/account.ts';
import type { AlertLog } from './limits/alert-log.ts';
import { BudgetAlerts } from './limits/budget-alerts.ts';
import { Counters } from './limits/counters.ts';
import { postWebhook } from './limits/http-webhook.ts';
import { LimitFigures } from './limits/limit-figures.ts';
import { MemoryCounterStore } from './limits/memory-counter-store.ts';
import { Calendar } from './limits/period.ts';
import { RedisAlertLog } from './limits/redis-alert-log.ts';
import { RedisCounterStore } from './limits/redis-counter-store.ts';
import { ledgerSpend, type SpendSource } from './limits/spend-source.ts';
import { ALERT_TABLES, SqlAlertLog } from './limits/sql-alert-log.ts';
import { StandbyCounterStore } from './limits/standby-counter-store.ts';
import { budgetAccounts, limitedIn } from './limits/subjects.ts';
import { openRecordings } from './open-recordings.ts';
import { createPipeline } from './pipeline.ts';
import type { Ports, Runtime } from './ports.ts';
import { MemoryResponseStore } from './responses/memory-response-store.ts';
import type { ResponseStore } from './responses/response-store.ts';
import { CostPace } from './routing/cost-pace.ts';
import { detectLanguage } from './routing/detect-language.ts';
import { MemorySessionStore } from './routing/memory-session-store.ts';
import { RedisSessionStore } from './routing/redis-session-store.ts';
import { startShareExchange } from './routing/redis-share-exchange.ts';
import { compileRoutingTable } from './routing/routing-table.ts';
import { ShareThresholds } from './routing/share-thresholds.ts';
import { createThreadSimulator } from './thread-simulator.ts';
import { UpstreamRegistry } from './upstream-registry.ts';

export type AppOptions = {
  config: ConfigSource;
  clock: Clock;
  logger: Logger;
  /** Who may do what; whoever opened it closes it. */
  access: Pick<Access, 'keys' | 'registry' | 'manager' | 'authority'>;
  ledger: LedgerStore;
  /** What the ledger knows, for the admin API; whoever opened it closes it. Without it there are no reports. */
  reports?: LedgerReports | undefined;
  /** Whether those reports are about all gateways together. */
  isLedgerShared?: boolean;
  /** What carries the ledger to Postgres, where there is one; whoever started it stops it. */
  shipper?: Pick<Shipper, 'state'> | null;
  /** What gateways share; whoever opened it closes it. Without it everything is kept in this process. */
  redis?: RedisConnection | undefined;
  /** Where keys are shared, for its state alone. */
  postgres?: Pick<Postgres, 'state'> | undefined;
  /** Responses that clients want kept; in memory where none is given. The caller closes it. */
  responses?: ResponseStore;
  /** Decides where routes.yaml names no model of its own. */
  classifier: DifficultyClassifier;
  /** Where models and sockets live. */
  dataDir: string;
  engineDir: string;
  /** Of which model hosts are given what they need, and no key. */
  environment: NodeJS.ProcessEnv;
  bodyLimits: BodyLimits;
};

export type App = {
  server: Server;
  runtime(): Runtime;
  /** Stops accepting, lets running requests end for at most `drainMs`, then closes everything that was opened here. */
  close(drainMs: number): Promise<void>;
};

/** Wires the gateway: the one place that chooses adapters. Overrides replace single ports, for tests and the demo. */
export const createApp = (options: AppOptions, overrides: Partial<Ports> = {}): App => {
  const { config, clock, logger, dataDir, engineDir, environment } = options;
  const registry = new UpstreamRegistry({ clock, logger, dataDir, engineDir, environment });
  const busy = new Map<string, BusyTime>();
  const prices = loadPrices(dataDir);
  let runtime = toRuntime(config.current(), registry, options.classifier, busy, prices);
  const configHistory = new ConfigHistory(dataDir);
  const noteLoad = (changes: string[]) => {
    const { version, loadedAt } = config.status();
    configHistory
      .loaded(version, loadedAt, changes)
      .catch((error: unknown) => logger.warn({ err: error }, 'a load of the configuration could not be noted'));
  };
  noteLoad([]);
  const stopWatching = config.onChange((next, previous) => {
    noteLoad(diffConfig(previous, next));
    runtime = toRuntime(next, registry, options.classifier, busy, prices);
  });
  const health = new ModelHealth(clock);
  const figures = new LimitFigures(clock);
  const teams = () => ['default', ...Object.keys(runtime.table.teams)];
  const semantic = openSemantic(options, teams);
  const metrics = createMetrics(health, () => runtime, figures, semantic.figures, options.redis, options.shipper);
  const spend = ledgerSpend({ ledger: options.ledger, reports: options.reports ?? null, logger });
  const shared = options.redis && shareCounters(options.redis, options, spend);
  const alerts = openAlerts(options, () => runtime.config.routes.alerts ?? null);
  const counters = new Counters({
    store: shared ?? new MemoryCounterStore(clock),
    spend,
    clock,
    logger,
    onSpent: (account, spent) => {
      figures.noteSpent(account, spent);
      alerts.note(account, spent);
    },
    onRefused: (meter, kind) => figures.noteRefusal(meter, kind),
  });
  const speeds = new GenerationSpeeds();
  const services = (): Record<string, ServiceState> => ({
    ...(options.redis && { redis: options.redis.state() }),
    ...(options.postgres && { postgres: options.postgres.state() }),
    ...(options.shipper && { ledger: shownState(options.shipper) }),
    ...(shared && { limits: stateOf(shared) }),
  });
  const pace = new CostPace(clock, async (sinceMs) => {
    const rows = await options.ledger.spend({ sinceMs, untilMs: clock.now(), by: 'route' });
    return new Map(rows.map(({ group, costNanoUsd }) => [group, costNanoUsd]));
  });
  pace.open().catch((error: unknown) => logger.warn({ err: error }, 'what today has cost so far cannot be read'));
  const healthLog = new HealthLog(clock, () => readinessOf(runtime, config.status(), health, services()));
  const recordings = openRecordings({ directory: dataDir, clock, logger });
  const { redis } = options;
  const shares = new ShareThresholds(options.classifier.typicalDifficulties);
  const exchange = redis && startShareExchange(redis, shares, clock);
  const ports: Ports = {
    clock,
    logger,
    runtime: () => runtime,
    keys: options.access.keys,
    counters,
    calendar: new Calendar(),
    embeddings: redis ? new RedisEmbeddingCache(redis, clock) : new MemoryEmbeddingCache(clock),
    semantic,
    cache: redis ? new RedisCacheStore({ redis, clock, teams }) : new MemoryCacheStore(clock),
    flights: new Flights(),
    ledger: observeLedger(options.ledger, (entry) => {
      metrics.observe(entry);
      speeds.observe(entry);
      pace.observe(entry, runtime.table.tiers.at(-1)?.name ?? '');
    }),
    recordings,
    health,
    pace,
    sessions: redis ? new RedisSessionStore(redis, new MemorySessionStore(clock)) : new MemorySessionStore(clock),
    shares,
    random: Math.random,
    ...overrides,
  };
  const replies = new ReplyFlights(
    redis
      ? new RedisCacheStore<RecordedReply>({ redis, clock, teams, space: 'replies' })
      : new MemoryCacheStore<RecordedReply>(clock, MAX_REPLIES_BYTES),
    clock,
  );
  const answerOnce = createIdempotency(ports, replies);
  const pipeline = createPipeline(ports);
  const textCompletions = createTextCompletions(ports);
  const responses = options.responses ?? new MemoryResponseStore(clock);
  const responsesSettings = () => ports.runtime().config.routes.responses;
  const responsesOptions = { store: responses, settings: responsesSettings, clock, logger };
  const responsesDialect = createResponsesDialect(responsesOptions);
  const background = new BackgroundResponses({
    ports,
    store: responses,
    settings: responsesSettings,
    pipeline,
    dialect: responsesDialect,
    dialectFor: (backgroundId) => createResponsesDialect({ ...responsesOptions, backgroundId }),
  });
  const infer = (incoming: Incoming, dialect: Dialect) =>
    dialect === responsesDialect ? background.handle(incoming) : pipeline(incoming, dialect);
  // Budgets are read from the ledger now, so that no request has to wait for it.
  const budgets = budgetAccounts(limitedIn(runtime.config.routes), ports.calendar, clock.now());
  ports.counters.read(budgets).catch((error) => logger.error({ err: error }, 'budgets could not be read'));
  const http = createHttpApp({
    pipeline: (incoming, dialect) => answerOnce(incoming, (each) => infer(each, dialect), dialect.failure),
    endpoints: [
      { path: '/embeddings', answer: createEmbeddings(ports) },
      { path: '/completions', answer: (incoming) => answerOnce(incoming, textCompletions) },
      { path: '/messages/count_tokens', answer: createCountTokens(ports) },
      { path: '/rerank', answer: createRerank(ports) },
      { path: '/rightsize/feedback', answer: createFeedback(ports) },
    ],
    inference: [
      { path: '/chat/completions', dialect: chatDialect },
      { path: '/messages', dialect: messagesDialect },
      { path: '/responses', dialect: responsesDialect },
    ],
    responses,
    background,
    responsesDialect,
    passThrough: createPassThrough(ports),
    runtime: ports.runtime,
    configStatus: () => config.status(),
    configHistory,
    editor: new ConfigEditor({
      source: config,
      history: configHistory,
      environment,
      classifier: options.classifier,
      clock,
    }),
    keys: ports.keys,
    health: ports.health,
    cache: ports.cache,
    semantic: ports.semantic,
    reports: options.reports ?? null,
    authority: options.access.authority,
    registry: options.access.registry,
    manager: options.access.manager,
    simulator: options.reports === undefined ? null : createThreadSimulator(dataDir, clock),
    loadText: (text) =>
      loadConfig({
        file: runtime.config.file,
        environment,
        checkModel: parseWeights,
        readFile: async (path) => (path === runtime.config.file ? Buffer.from(text) : readFileBounded(path)),
      }),
    counters: ports.counters,
    calendar: ports.calendar,
    version: programVersion(),
    services,
    healthLog,
    speeds,
    metrics,
    clock,
    logger,
    bodyLimits: options.bodyLimits,
    dashboardDir: join(import.meta.dirname, import.meta.filename.endsWith('.ts') ? '../dist/dashboard' : 'dashboard'),
    routesSchema: readFileSync(join(import.meta.dirname, 'config/routes.schema.json'), 'utf8'),
  });
  const listener = getRequestListener(http.fetch);
  const frontDoor = {
    origins: () => runtime.config.routes.cors.origins,
    isKeyRequired: () => ports.keys.isKeyRequired(),
    clock,
  };
  const tunnels = createTunnels({ frontDoor, open: createRealtime(ports) });
  const server = createServer(SERVER_OPTIONS, (request, response) => {
    if (passFrontDoor(request, response, frontDoor)) void listener(request, response);
  });
  server.on('upgrade', (request, socket, head) => void tunnels.handle(request, socket as Socket, head));
  server.on('clientError', (error, socket) => answerMalformed(error, socket, clock.now()));
  return {
    server,
    runtime: () => runtime,
    async close(drainMs) {
      stopWatching();
      healthLog.close();
      await stopServer(server, clock, drainMs, tunnels);
      exchange?.stop();
      await Promise.all([ports.flights.close(), replies.close(), background.close()]);
      await counters.close();
      shared?.close();
      await alerts.close();
      await recordings.close();
      await registry.close();
      await configHistory.close();
    },
  };
};

const openSemantic = ({ redis, clock, logger }: AppOptions, teams: () => string[]): Ports['semantic'] => {
  const own = new MemorySemanticStore(clock);
  const served = new MemoryServedSimilar();
  const figures = new SemanticFigures();
  if (redis === undefined) return { store: own, served, figures };
  const shared = new RedisSemanticStore({ redis, clock, teams });
  const store = new DetectedSemanticStore({ redis, shared, own, logger });
  return { store, served: new RedisServedSimilar(redis, served), figures };
};
/** All replies to requests with an idempotency key, compressed, in memory; the least recently used go first. */
const MAX_REPLIES_BYTES = 32 * 1024 * 1024;

/** The file is made with the first alert: most gateways never send one. */
const openAlerts = ({ clock, logger, redis, dataDir }: AppOptions, config: () => AlertsConfig | null) => {
  let database: SqliteDatabase | null = null;
  const open = (): AlertLog => {
    database ??= new SqliteDatabase({ file: join(dataDir, 'alerts.sqlite'), steps: ALERT_TABLES });
    const own = new SqlAlertLog(database, clock);
    return redis === undefined ? own : new RedisAlertLog(redis, own);
  };
  const alerts = new BudgetAlerts({
    config,
    log: { begin: async (id) => open().begin(id), done: async (id, keepMs) => open().done(id, keepMs) },
    post: (target, message, signal) => postWebhook(target, message, clock, signal),
    clock,
    logger,
  });
  return {
    note: (account: BudgetAccount, spent: NanoUsd) => alerts.note(account, spent),
    async close() {
      await alerts.close();
      await database?.close();
    },
  };
};

const shareCounters = (redis: RedisConnection, options: AppOptions, spend: SpendSource) => {
  const { clock, dataDir, isLedgerShared } = options;
  const ledgerId = isLedgerShared ? 'shared' : readOrMakeLedgerId(dataDir, clock.now());
  const shared = new RedisCounterStore({ redis, clock, ledgerId });
  return new StandbyCounterStore({ shared, local: new MemoryCounterStore(clock), spend, clock });
};

const stateOf = ({ isLocal }: StandbyCounterStore): ServiceState =>
  isLocal
    ? { state: 'degraded', detail: 'each gateway counts limits for itself, and budgets from what it last knew' }
    : { state: 'ready', detail: 'limits and budgets are counted for all gateways together' };

const shownState = (shipper: Pick<Shipper, 'state'>): ServiceState => {
  const { state, detail } = shipper.state();
  return { state, detail };
};

const SERVER_OPTIONS = { noDelay: true, keepAliveTimeout: 65_000, maxHeaderSize: 64 * 1024 };

/** `busy`: how busy each upstream's hardware is, kept over reloads. */
const toRuntime = (
  config: LoadedConfig,
  registry: UpstreamRegistry,
  shipped: DifficultyClassifier,
  busy: Map<string, BusyTime>,
  prices: PriceBook,
): Runtime => {
  const upstreams = registry.apply(config);
  const table = compileRoutingTable(config);
  // Loaded now, so that the first request need not wait for it.
  if (table.usesLanguage) void detectLanguage('');
  return {
    config,
    table,
    upstreams,
    classifier: classifierOf(config, shipped),
    ...moneyOf(config, table, busy, prices),
    confidenceOf: ({ config: { confidence } }) => config.confidenceTables[confidence ?? ''] ?? UNCALIBRATED,
    cacheScopeOf: cacheScopes({ config, table }),
  };
};

const stopServer = async (server: Server, clock: Clock, drainMs: number, tunnels: Tunnels): Promise<void> => {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A kept connection whose last answer has gone out would hold the server open until its client lets go of it.
  let cancelTidying = () => {};
  const tidy = () => {
    server.closeIdleConnections();
    cancelTidying = clock.after(TIDY_EVERY_MS, tidy);
  };
  tidy();
  const cancel = clock.after(drainMs, () => {
    server.closeAllConnections();
    tunnels.close();
  });
  await closed;
  cancel();
  cancelTidying();
};

const TIDY_EVERY_MS = 50;
