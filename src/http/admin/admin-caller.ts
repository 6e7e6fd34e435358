import type { MiddlewareHandler } from 'hono';
import { presentedKey } from '../../auth/authenticate.ts';
import { TeamScope } from '../../auth/team-scope.ts';
import { GatewayError } from '../../contract/errors.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';
import { readSessionCookie, refuseCrossSite } from './session-cookie.ts';

/**
 * Says who asks, by an admin key (as bearer, `x-api-key` or `api-key`) or the cookie of a session.
 * @throws GatewayError `invalid_api_key`, `rate_limit_exceeded`; `not_allowed` for a change that another site may
 * have made the browser ask for.
 */
export const requireAdminCaller =
  ({ authority }: AdminOptions): MiddlewareHandler<AdminEnv> =>
  async (context, next) => {
    const { incoming } = context.env;
    const key = presentedKey(incoming.headers);
    if (key !== null) {
      const caller = await authority.identify(key, incoming.socket.remoteAddress ?? '');
      context.set('caller', caller);
      context.set('scope', TeamScope.of(caller));
      context.set('sessionEndsAt', null);
      return next();
    }
    const sessionId = readSessionCookie(context);
    const session = sessionId === null ? null : await authority.resume(sessionId);
    if (session === null) {
      throw new GatewayError('invalid_api_key', 'Sign in, or send an admin key as "Authorization: Bearer <key>".');
    }
    refuseCrossSite(context);
    context.set('caller', session.caller);
    context.set('scope', TeamScope.of(session.caller));
    context.set('sessionEndsAt', session.expiresAt);
    return next();
  };
