import { Hono } from 'hono';
import { stateOf } from '../../auth/virtual-key.ts';
import type { TeamList, TeamView } from '../../contract/admin/teams.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';

const MAX_KEYS = 10_000;

/** Teams of routes.yaml, with their limits and budgets, and those that keys name. */
export const teamRoutes = ({ registry, runtime, clock }: AdminOptions): Hono<AdminEnv> =>
  new Hono<AdminEnv>().get('/', async (context) => {
    const { scope } = context.var;
    const configured = runtime().config.routes.teams;
    const now = clock.now();
    const clients = (await registry.list({ scope, limit: MAX_KEYS })).filter(
      (key) => key.kind === 'client' && stateOf(key, now) === 'active',
    );
    const names = new Set(['default', ...Object.keys(configured), ...clients.map(({ team }) => team ?? 'default')]);
    const teams = [...names]
      .filter((name) => scope.includes(name))
      .sort()
      .map((name): TeamView => {
        const team = Object.hasOwn(configured, name) ? configured[name] : undefined;
        return {
          name,
          isConfigured: team !== undefined,
          routes: team?.routes ?? null,
          limits: team?.limits ?? {},
          budget: team?.budget ?? null,
          activeKeys: clients.filter((key) => (key.team ?? 'default') === name).length,
        };
      });
    return context.json({ teams } satisfies TeamList);
  });
