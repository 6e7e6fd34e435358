import type { AppOptions } from './app-options.ts';
import type { ServiceState } from './http/readiness.ts';
import { readOrMakeLedgerId } from './ledger/ledger-id.ts';
import type { RedisConnection } from './lib/redis-connection.ts';
import { Counters } from './limits/counters.ts';
import { LimitFigures } from './limits/limit-figures.ts';
import { MemoryCounterStore } from './limits/memory-counter-store.ts';
import { RedisCounterStore } from './limits/redis-counter-store.ts';
import { ledgerSpend, type SpendSource } from './limits/spend-source.ts';
import { StandbyCounterStore } from './limits/standby-counter-store.ts';
import { openAlerts } from './open-alerts.ts';
import type { Runtime } from './ports.ts';

/** The counters of limits and budgets, for all gateways together where there is Redis, with their figures and alerts. */
export const openLimits = (options: AppOptions, runtime: () => Runtime) => {
  const { ledger, reports = null, redis, clock, logger } = options;
  const figures = new LimitFigures(clock);
  const spend = ledgerSpend({ ledger, reports, logger });
  const shared = redis && shareCounters(redis, options, spend);
  const alerts = openAlerts(options, () => runtime().config.routes.alerts ?? null);
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
  return {
    counters,
    figures,
    /** Null where nothing is shared. */
    state: () => (shared ? stateOf(shared) : null),
    async close() {
      await counters.close();
      shared?.close();
      await alerts.close();
    },
  };
};

const shareCounters = (
  redis: RedisConnection,
  { clock, dataDir, isLedgerShared }: AppOptions,
  spend: SpendSource,
): StandbyCounterStore => {
  const ledgerId = isLedgerShared ? 'shared' : readOrMakeLedgerId(dataDir, clock.now());
  const shared = new RedisCounterStore({ redis, clock, ledgerId });
  return new StandbyCounterStore({ shared, local: new MemoryCounterStore(clock), spend, clock });
};

const stateOf = ({ isLocal }: StandbyCounterStore): ServiceState =>
  isLocal
    ? { state: 'degraded', detail: 'each gateway counts limits for itself, and budgets from what it last knew' }
    : { state: 'ready', detail: 'limits and budgets are counted for all gateways together' };
