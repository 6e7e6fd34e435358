import { Hono } from 'hono';
import type { CacheFilter, CacheUsage } from '../../cache/cache-store.ts';
import { CacheClearQuerySchema, CacheQuerySchema, type CacheReport } from '../../contract/admin/cache.ts';
import { newId } from '../../lib/id.ts';
import { actorOf } from './actor.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';
import { readQuery } from './read-json.ts';

/** What the exact cache holds, and the means to forget it. Shared by all gateways that share Redis. */
export const cacheRoutes = ({ cache, registry, clock }: AdminOptions): Hono<AdminEnv> => {
  const filterOf = (
    {
      team,
      route,
      olderThan,
    }: { team?: string | undefined; route?: string | undefined; olderThan?: number | undefined },
    onlyTeam: string | null,
  ): CacheFilter => ({
    ...(team !== undefined && { team }),
    ...(onlyTeam !== null && { team: onlyTeam }),
    ...(route !== undefined && { route }),
    ...(olderThan !== undefined && { storedBefore: clock.now() - olderThan }),
  });
  return new Hono<AdminEnv>()
    .get('/', async (context) => {
      const filter = filterOf(readQuery(context, CacheQuerySchema), context.var.scope.team);
      return context.json(toReport(await cache.usage(filter)));
    })
    .delete('/', async (context) => {
      const { dryRun, ...query } = readQuery(context, CacheClearQuerySchema);
      const filter = filterOf(query, context.var.scope.team);
      const report = toReport(dryRun ? await cache.usage(filter) : await cache.clear(filter));
      if (!dryRun) {
        const now = clock.now();
        await registry.appendAudit({
          id: newId('aud', now),
          at: new Date(now).toISOString(),
          ...actorOf(context),
          action: 'cache.clear',
          target: 'cache',
          before: { ...filter, entries: report.entries, bytes: report.bytes },
          after: null,
        });
      }
      return context.json(report);
    });
};

const toReport = (rows: CacheUsage[]): CacheReport => ({
  entries: rows.reduce((sum, { entries }) => sum + entries, 0),
  bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
  rows,
});
