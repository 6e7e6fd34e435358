import type { IncomingHttpHeaders } from 'node:http';

/**
 * Request headers that are sent on: those that say what the body is and what is wanted. Everything else stays here: the
 * client's key and cookies, the headers of one connection (RFC 9110, section 7.6.1), and what would name another account.
 */
const SENT = [
  ...['content-type', 'content-length', 'content-language', 'content-md5', 'digest', 'accept', 'accept-language'],
  ...['range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'],
  ...['openai-beta', 'anthropic-beta', 'anthropic-version', 'idempotency-key', 'prefer', 'x-client-request-id'],
];

export const headersToSend = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    SENT.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );

/** Answer headers of one connection, and those that speak of the account behind the upstream's key. */
const KEPT_BACK =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|set-cookie2?|server|via|alt-svc|date|vary|access-control-.*|strict-transport-security|x-ratelimit-.*|openai-organization|openai-project|cf-.*|nel|report-to)$/;

/** Answer headers as clients get them; the upstream's own request id under a name of its own. */
export const headersToReturn = (headers: IncomingHttpHeaders): Record<string, string> => {
  const named = String(headers.connection ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || KEPT_BACK.test(name) || named.includes(name)) continue;
    kept[name === 'x-request-id' ? 'x-upstream-request-id' : name] = String(value);
  }
  return kept;
};
