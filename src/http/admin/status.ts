import { Hono } from 'hono';
import type { Status } from '../../contract/admin/status.ts';
import { readinessOf } from '../readiness.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';

/** Version, uptime and readiness. Of one team's viewers nothing is told that names upstreams or quotes routes.yaml. */
export const statusRoutes = ({ runtime, configStatus, health, clock, version }: AdminOptions): Hono<AdminEnv> => {
  const started = { at: clock.now(), elapsed: clock.elapsed() };
  return new Hono<AdminEnv>().get('/', (context) => {
    const { status, config, tiers, upstreams, models } = readinessOf(runtime(), configStatus(), health);
    const isWhole = context.var.scope.team === null;
    return context.json({
      version,
      startedAt: new Date(started.at).toISOString(),
      uptimeSeconds: Math.floor((clock.elapsed() - started.elapsed) / 1_000),
      status,
      config: isWhole ? config : { ...config, problems: [] },
      tiers,
      upstreams: isWhole ? upstreams : {},
      models: isWhole ? models : {},
    } satisfies Status);
  });
};
