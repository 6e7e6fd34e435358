import { Hono } from 'hono';
import { type AuditPage, AuditQuerySchema } from '../../contract/admin/audit.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';
import { readQuery } from './read-json.ts';

/** Who changed what, newest first. */
export const auditRoutes = ({ registry }: AdminOptions): Hono<AdminEnv> =>
  new Hono<AdminEnv>().get('/', async (context) => {
    const { limit, before } = readQuery(context, AuditQuerySchema);
    // One more than asked for tells whether there is a next page.
    const entries = await registry.audit({ limit: limit + 1, ...(before !== undefined && { before }) });
    const shown = entries.slice(0, limit);
    const next = entries.length > limit ? (shown.at(-1)?.id ?? null) : null;
    return context.json({ entries: shown, next } satisfies AuditPage);
  });
