import type { ConfigStatus } from '../config/config-source.ts';
import { formatProblem } from '../config/format-problems.ts';
import type { ModelHealth, ModelHealthState } from '../execution/model-health.ts';
import type { Runtime } from '../ports.ts';
import type { UpstreamState } from '../upstreams/upstream.ts';

export type Readiness = {
  /** `ready`: everything works. `degraded`: requests are answered by what is left. `unavailable`: by nothing. */
  status: 'ready' | 'degraded' | 'unavailable';
  config: { version: string; loadedAt: string; problems: string[] };
  upstreams: Record<string, UpstreamState>;
  /** What requests can do without: Redis where there is one. */
  services: Record<string, ServiceState>;
  tiers: Record<string, 'ready' | 'unavailable'>;
  /** By `upstream/model`: its circuit, when it is asked again, and how fast it has been. */
  models: Record<string, ModelHealthState>;
};

/** A service that shares state between gateways. `down` means degraded: requests go on without it. */
export type ServiceState = { state: 'ready' | 'degraded' | 'down'; detail: string };

/** What `/readyz` answers: each dependency by name, and what it means for requests. */
export const readinessOf = (
  runtime: Runtime,
  config: ConfigStatus,
  health: ModelHealth,
  services: Record<string, ServiceState>,
): Readiness => {
  const models = health.snapshot(runtime.table.candidates);
  const upstreams = Object.fromEntries([...runtime.upstreams].map(([name, upstream]) => [name, upstream.state()]));
  const tiers = runtime.table.tiers.map(({ name, candidates }) => ({
    name,
    isReady: candidates.some(
      ({ upstream, model }) =>
        upstreams[upstream]?.state === 'ready' && models.get(`${upstream}/${model}`)?.circuit !== 'open',
    ),
  }));
  const isAnyReady = tiers.some(({ isReady }) => isReady);
  const isAllWell =
    tiers.every(({ isReady }) => isReady) &&
    Object.values(upstreams).every(({ state }) => state === 'ready') &&
    Object.values(services).every(({ state }) => state === 'ready') &&
    config.problems.length === 0;
  return {
    status: isAllWell ? 'ready' : isAnyReady ? 'degraded' : 'unavailable',
    config: {
      version: config.version,
      loadedAt: new Date(config.loadedAt).toISOString(),
      problems: config.problems.map((problem) => formatProblem(runtime.config.file, problem)),
    },
    upstreams,
    services: Object.fromEntries(
      Object.entries(services).map(([name, { state, detail }]) => [name, { state, detail }]),
    ),
    tiers: Object.fromEntries(tiers.map(({ name, isReady }) => [name, isReady ? 'ready' : 'unavailable'])),
    models: Object.fromEntries(models),
  };
};
