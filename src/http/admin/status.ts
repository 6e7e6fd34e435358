import { Hono } from 'hono';
import type { Status } from '../../contract/admin/status.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';

/** Version, uptime and readiness. Of one team's viewers nothing is told that names upstreams or quotes routes.yaml. */
export const statusRoutes = (options: AdminOptions): Hono<AdminEnv> => {
  const { clock, version } = options;
  const started = { at: clock.now(), elapsed: clock.elapsed() };
  return new Hono<AdminEnv>().get('/', (context) => {
    const readiness = options.readiness();
    const { status, config, tiers } = readiness;
    const isWhole = context.var.scope.team === null;
    return context.json({
      version,
      startedAt: new Date(started.at).toISOString(),
      uptimeSeconds: Math.floor((clock.elapsed() - started.elapsed) / 1_000),
      status,
      config: isWhole ? config : { ...config, problems: [] },
      tiers,
      upstreams: isWhole ? readiness.upstreams : {},
      services: isWhole ? readiness.services : {},
      models: isWhole ? readiness.models : {},
    } satisfies Status);
  });
};
