import type { Context } from 'hono';
import type { Actor } from '../../auth/key-manager.ts';
import type { AdminEnv } from './admin-env.ts';

/** Who makes this change, for the audit log. */
export const actorOf = ({ var: { caller } }: Context<AdminEnv>): Actor => ({
  actor: caller.name,
  actorKeyId: caller.keyId,
  via: 'api',
});
