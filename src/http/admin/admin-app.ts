import { Hono } from 'hono';
import { GatewayError } from '../../contract/errors.ts';
import { DATA_HEADERS } from '../security-headers.ts';
import { requireAdminCaller } from './admin-caller.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';
import { auditRoutes } from './audit.ts';
import { budgetRoutes } from './budgets.ts';
import { cacheRoutes } from './cache.ts';
import { configRoutes } from './config.ts';
import { explainRoutes } from './explain.ts';
import { healthRoutes } from './health.ts';
import { keyRoutes } from './keys.ts';
import { reportRoutes, requestRoutes } from './reports.ts';
import { routeRoutes } from './routes.ts';
import { sessionRoutes } from './session.ts';
import { simulateRoutes } from './simulate.ts';
import { statusRoutes } from './status.ts';
import { teamRoutes } from './teams.ts';

/**
 * `/admin/api`: one resource a file, mounted here. Only admins may change anything. A resource is for callers who see
 * everything, unless it is mounted as `by-team`: then viewers of one team may read it, and it shows them only what
 * `context.var.scope` includes.
 */
export const createAdminApp = (options: AdminOptions): Hono<AdminEnv> => {
  const app = new Hono<AdminEnv>();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(DATA_HEADERS)) context.res.headers.set(name, value);
  });
  app.route('/session', sessionRoutes(options));
  app.use(requireAdminCaller(options));
  const mount = (
    path: string,
    visibility: 'everything' | 'by-team',
    routes: Hono<AdminEnv>,
    { posting = 'changes' }: { posting?: 'changes' | 'reads' } = {},
  ) => {
    app.use(`${path}/*`, async ({ req, var: { caller } }, next) => {
      const isReading = ['GET', 'HEAD', ...(posting === 'reads' ? ['POST'] : [])].includes(req.method);
      if (!isReading && caller.role !== 'admin') throw new GatewayError('not_allowed', 'This needs an admin key.');
      if (caller.team !== null && visibility === 'everything') {
        throw new GatewayError('not_allowed', 'This needs a key that is not bound to a team.');
      }
      await next();
    });
    app.route(path, routes);
  };
  mount('/status', 'by-team', statusRoutes(options));
  mount('/config', 'everything', configRoutes(options));
  if (options.reports !== null) {
    mount('/report', 'by-team', reportRoutes(options.reports));
    mount('/requests', 'by-team', requestRoutes(options.reports, options.runtime));
  }
  mount('/budgets', 'by-team', budgetRoutes(options));
  mount('/keys', 'by-team', keyRoutes(options));
  mount('/teams', 'by-team', teamRoutes(options));
  mount('/audit', 'everything', auditRoutes(options));
  mount('/cache', 'by-team', cacheRoutes(options));
  if (options.simulator !== null) {
    mount('/simulate', 'everything', simulateRoutes(options, options.simulator, options.loadText), {
      posting: 'reads',
    });
  }
  mount('/explain', 'everything', explainRoutes(options), { posting: 'reads' });
  mount('/health', 'everything', healthRoutes(options));
  mount('/routes', 'everything', routeRoutes(options));
  return app;
};
