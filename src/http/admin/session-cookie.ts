import type { TLSSocket } from 'node:tls';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { GatewayError } from '../../contract/errors.ts';
import type { AdminEnv } from './admin-env.ts';

const COOKIE = 'rightsize_session';
const PATH = '/admin/api';
const CSRF_HEADER = 'x-rightsize-csrf';

/** The session id that the browser sent; null without one, or with something that is none. */
export const readSessionCookie = (context: Context<AdminEnv>): string | null => {
  const value = getCookie(context, COOKIE);
  return value !== undefined && /^[\w-]{43}$/.test(value) ? value : null;
};

/** Scripts cannot read it, other sites cannot make the browser send it, and with TLS it never travels without. */
export const setSessionCookie = (context: Context<AdminEnv>, id: string, maxAgeSeconds: number): void => {
  setCookie(context, COOKIE, id, {
    httpOnly: true,
    sameSite: 'Strict',
    secure: isOverTls(context),
    path: PATH,
    maxAge: maxAgeSeconds,
  });
};

export const clearSessionCookie = (context: Context<AdminEnv>): void => {
  deleteCookie(context, COOKIE, { path: PATH, secure: isOverTls(context) });
};

/**
 * A change asked for with a cookie needs the header `x-rightsize-csrf`, which no other site can send without asking us
 * first (https://fetch.spec.whatwg.org/#http-cors-protocol), and we allow none; a browser that tells where the request
 * comes from must tell that it is this origin.
 * @throws GatewayError `not_allowed`.
 */
export const refuseCrossSite = ({ req }: Context<AdminEnv>): void => {
  if (req.method === 'GET' || req.method === 'HEAD') return;
  const site = req.header('sec-fetch-site') ?? 'same-origin';
  if (site === 'same-origin' && req.header(CSRF_HEADER) !== undefined) return;
  throw new GatewayError('not_allowed', `A change that is asked for with a cookie needs the header ${CSRF_HEADER}.`, {
    param: CSRF_HEADER,
  });
};

const isOverTls = ({ req, env }: Context<AdminEnv>): boolean =>
  (env.incoming.socket as Partial<TLSSocket>).encrypted === true || req.header('x-forwarded-proto') === 'https';
