import { Hono } from 'hono';
import type { RouteList } from '../../contract/admin/routes.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';

/** The rules in force. */
export const routeRoutes = ({ runtime }: AdminOptions): Hono<AdminEnv> =>
  new Hono<AdminEnv>().get('/', (context) => {
    const { config, table } = runtime();
    return context.json({
      version: config.version,
      tiers: table.tiers.map(({ name }) => name),
      routes: table.routes.map(({ name, difficulty, mode, rollout }) => ({
        name,
        line: config.routeLines[name] ?? 1,
        usesDifficulty: difficulty !== undefined,
        threshold: difficulty !== undefined && 'threshold' in difficulty ? difficulty.threshold : null,
        isObserved: mode === 'observe' || rollout !== undefined,
      })),
    } satisfies RouteList);
  });
