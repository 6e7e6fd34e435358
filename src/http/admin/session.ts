import { type Context, Hono } from 'hono';
import { SESSION_TTL_MS } from '../../auth/admin-authority.ts';
import type { AdminCaller } from '../../contract/admin/admin-caller.ts';
import { type Session, SignInSchema } from '../../contract/admin/session.ts';
import { requireAdminCaller } from './admin-caller.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';
import { readJson } from './read-json.ts';
import { clearSessionCookie, readSessionCookie, setSessionCookie } from './session-cookie.ts';

/** Sign-in with an admin key, who one is, and sign-out. */
export const sessionRoutes = (options: AdminOptions): Hono<AdminEnv> => {
  const { authority, clock } = options;
  const routes = new Hono<AdminEnv>();
  routes.post('/', async (context) => {
    const { key } = await readJson(context, SignInSchema, clock);
    const address = context.env.incoming.socket.remoteAddress ?? '';
    const { caller, id, expiresAt } = await authority.signIn(key, address);
    setSessionCookie(context, id, SESSION_TTL_MS / 1_000);
    return reply(context, caller, expiresAt);
  });
  routes.use(requireAdminCaller(options));
  routes.get('/', (context) => reply(context, context.var.caller, context.var.sessionEndsAt));
  routes.delete('/', async (context) => {
    const id = readSessionCookie(context);
    if (id !== null) await authority.signOut(id);
    clearSessionCookie(context);
    return context.body(null, 204);
  });
  return routes;
};

const reply = (context: Context<AdminEnv>, caller: AdminCaller, expiresAt: number | null) =>
  context.json({
    ...caller,
    expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
  } satisfies Session);
