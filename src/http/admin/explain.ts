import { Hono } from 'hono';
import { ExplainQuerySchema, type Explanation } from '../../contract/admin/explain.ts';
import { dryRun } from '../../dry-run.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';
import { readJson } from './read-json.ts';

/** What would be decided for a prompt, and why. Nothing is sent, stored or logged. */
export const explainRoutes = ({ runtime, clock }: AdminOptions): Hono<AdminEnv> =>
  new Hono<AdminEnv>().post('/', async (context) => {
    const query = await readJson(context, ExplainQuerySchema, clock);
    const { config, classifier } = runtime();
    const result = await dryRun(config, classifier, { ...query, at: clock.now() });
    return context.json({
      ...result,
      line: config.routeLines[result.route] ?? null,
      config: config.version,
    } satisfies Explanation);
  });
