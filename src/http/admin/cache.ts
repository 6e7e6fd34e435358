import { Hono } from 'hono';
import type { CacheFilter, CacheStore, CacheUsage } from '../../cache/cache-store.ts';
import { CacheClearQuerySchema, CacheQuerySchema, type CacheReport } from '../../contract/admin/cache.ts';
import { newId } from '../../lib/id.ts';
import { actorOf } from './actor.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';
import { readQuery } from './read-json.ts';

/** What the cache holds, answers and questions, and the means to forget it. Shared by all gateways that share Redis. */
export const cacheRoutes = ({ cache, semantic, registry, clock }: AdminOptions): Hono<AdminEnv> => {
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
  // Questions first: one that leads nowhere is a miss, one that is left over would lead to an answer that was to go.
  const reportOf = async (of: (store: Pick<CacheStore, 'usage' | 'clear'>) => Promise<CacheUsage[]>) => {
    const questions = toHeld(await of(semantic.store));
    return { ...toHeld(await of(cache)), questions } satisfies CacheReport;
  };
  return new Hono<AdminEnv>()
    .get('/', async (context) => {
      const filter = filterOf(readQuery(context, CacheQuerySchema), context.var.scope.team);
      return context.json(await reportOf((store) => store.usage(filter)));
    })
    .delete('/', async (context) => {
      const { dryRun, ...query } = readQuery(context, CacheClearQuerySchema);
      const filter = filterOf(query, context.var.scope.team);
      const report = await reportOf((store) => (dryRun ? store.usage(filter) : store.clear(filter)));
      if (!dryRun) {
        const now = clock.now();
        await registry.appendAudit({
          id: newId('aud', now),
          at: new Date(now).toISOString(),
          ...actorOf(context),
          action: 'cache.clear',
          target: 'cache',
          before: { ...filter, entries: report.entries, bytes: report.bytes, questions: report.questions.entries },
          after: null,
        });
      }
      return context.json(report);
    });
};

const toHeld = (rows: CacheUsage[]): CacheReport['questions'] => ({
  entries: rows.reduce((sum, { entries }) => sum + entries, 0),
  bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
  rows,
});
