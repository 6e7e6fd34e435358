import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { SemanticFigures } from '../cache/semantic-figures.ts';
import type { WorkerLink } from '../cluster/worker-link.ts';
import type { LedgerEntry } from '../contract/ledger-entry.ts';
import type { ModelHealth } from '../execution/model-health.ts';
import type { Shipper } from '../ledger/shipper.ts';
import type { RedisConnection } from '../lib/redis-connection.ts';
import type { LimitFigures } from '../limits/limit-figures.ts';
import type { Runtime } from '../ports.ts';
import { addLimitMetrics } from './metrics-of-limits.ts';
import { addRedisMetrics } from './metrics-of-redis.ts';
import { shareMetrics } from './metrics-of-workers.ts';

export type MetricsOptions = {
  health: ModelHealth;
  runtime(): Runtime;
  limits: LimitFigures;
  semantic: SemanticFigures;
  redis?: RedisConnection | undefined;
  /** Where the ledger is carried to Postgres. */
  shipper?: Pick<Shipper, 'state'> | null | undefined;
  /** Where this process is one of several workers. */
  worker?: WorkerLink | undefined;
};

export type Metrics = {
  /** Counts one finished request. */
  observe(entry: LedgerEntry): void;
  /** The text that Prometheus reads, and its content type (https://prometheus.io/docs/instrumenting/exposition_formats/). */
  render(): Promise<{ text: string; contentType: string }>;
};

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const CIRCUIT_VALUES = { closed: 0, 'half-open': 0.5, open: 1 } as const;

/**
 * Figures for Prometheus, of this process or of all workers together. Labels take only values that routes.yaml or the
 * code define, so that nothing a client sends can grow them.
 */
export const createMetrics = (options: MetricsOptions): Metrics => {
  const { health, runtime, limits, semantic, redis, shipper, worker } = options;
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: 'rightsize_' });
  const labelNames = ['route', 'tier', 'upstream'] as const;
  const requests = new Counter({
    name: 'rightsize_requests_total',
    help: 'Requests, however they ended.',
    labelNames: [...labelNames, 'outcome', 'cache'],
    registers,
  });
  const attempts = new Counter({
    name: 'rightsize_attempts_total',
    help: 'Calls to upstreams.',
    labelNames: ['tier', 'upstream', 'outcome'],
    registers,
  });
  const tokens = new Counter({
    name: 'rightsize_tokens_total',
    help: 'Tokens that upstreams counted.',
    labelNames: [...labelNames, 'direction'],
    registers,
  });
  const cost = new Counter({
    name: 'rightsize_cost_usd_total',
    help: 'Money spent; requests of unknown cost are left out. The ledger is exact, this is not.',
    labelNames,
    registers,
  });
  const duration = new Histogram({
    name: 'rightsize_request_seconds',
    help: 'Time from arrival to the end of the answer.',
    labelNames,
    buckets: SECONDS,
    registers,
  });
  const overhead = new Histogram({
    name: 'rightsize_overhead_seconds',
    help: 'Time spent in the gateway itself.',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1],
    registers,
  });
  new Gauge({
    name: 'rightsize_circuit_open',
    help: '1 while a model is not asked because it fails, 0.5 while it is probed.',
    labelNames: ['upstream', 'model'],
    aggregator: 'max',
    registers,
    collect() {
      this.reset();
      for (const { upstream, model } of runtime().table.candidates) {
        this.set({ upstream, model }, CIRCUIT_VALUES[health.stateOf({ upstream, model }).circuit]);
      }
    },
  });
  addLimitMetrics(limits, registers);
  new Counter({
    name: 'rightsize_semantic_cache_total',
    help: 'Searches of the semantic cache by what became of them, its checks, and what clients said of its answers.',
    labelNames: ['route', 'outcome'],
    registers,
    collect() {
      this.reset();
      for (const { count, ...labels } of semantic.counts) this.inc(labels, count);
    },
  });
  if (redis !== undefined) addRedisMetrics(redis, registers);
  if (shipper) {
    new Gauge({
      name: 'rightsize_ledger_outbox_entries',
      help: 'Ledger entries that have yet to reach Postgres: waiting, or refused by it and left behind.',
      labelNames: ['state'],
      // All workers look at the same file.
      aggregator: 'max',
      registers,
      collect() {
        const { waiting, parked } = shipper.state();
        this.set({ state: 'waiting' }, waiting - parked);
        this.set({ state: 'parked' }, parked);
      },
    });
  }
  const shared = worker && shareMetrics(worker, registry);
  return {
    observe(entry) {
      shared?.countRequest();
      const { outcome, cache } = entry;
      const labels = { route: entry.route ?? '', tier: entry.tier ?? '', upstream: entry.upstream ?? '' };
      requests.inc({ ...labels, outcome, cache });
      duration.observe(labels, entry.totalMs / 1_000);
      overhead.observe(entry.overheadMs / 1_000);
      tokens.inc({ ...labels, direction: 'prompt' }, entry.tokens.promptTokens);
      tokens.inc({ ...labels, direction: 'completion' }, entry.tokens.completionTokens);
      if (entry.costNanoUsd !== null) cost.inc(labels, entry.costNanoUsd / 1e9);
      for (const attempt of entry.attempts) {
        attempts.inc({ tier: attempt.tier, upstream: attempt.upstream, outcome: attempt.outcome });
      }
    },
    render: async () => ({
      text: await (shared === undefined ? registry.metrics() : shared.render()),
      contentType: registry.contentType,
    }),
  };
};
