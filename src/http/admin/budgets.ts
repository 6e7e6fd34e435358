import { Hono } from 'hono';
import { stateOf } from '../../auth/virtual-key.ts';
import type { BudgetList } from '../../contract/admin/budgets.ts';
import { listUse } from '../../limits/list-use.ts';
import { isLimited, type Limited, limitedIn } from '../../limits/subjects.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';

const MAX_KEYS = 10_000;

/** Limits and budgets of teams, routes and active keys, and how far each is used. Routes are no team's own. */
export const budgetRoutes = (options: AdminOptions): Hono<AdminEnv> =>
  new Hono<AdminEnv>().get('/', async (context) => {
    const { scope } = context.var;
    const { registry, runtime, clock, counters, calendar } = options;
    const nowMs = clock.now();
    const keys = (await registry.list({ scope, limit: MAX_KEYS })).filter(
      (key) => key.kind === 'client' && stateOf(key, nowMs) === 'active',
    );
    const shown = limitedIn(runtime().config.routes).filter(({ subject }) =>
      subject.kind === 'team' ? scope.includes(subject.name) : scope.team === null,
    );
    const ofKeys = keys.map(
      ({ id, limits, budget }): Limited => ({
        subject: { kind: 'key', name: id },
        limits,
        budget: budget ?? undefined,
      }),
    );
    const use = await listUse([...shown, ...ofKeys.filter(isLimited)], { counters, calendar, nowMs });
    return context.json(use satisfies BudgetList);
  });
