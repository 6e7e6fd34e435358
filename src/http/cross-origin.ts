import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { GatewayError } from '../contract/errors.ts';
import { HEADERS } from '../contract/vocabulary.ts';

export type CrossOriginOptions = {
  /** `cors.origins` of routes.yaml. */
  origins(): readonly string[];
  /** Whether callers must show a key; a page of a stranger has none. */
  isKeyRequired(): boolean;
};

/** Answer headers that a script may read. Written out: `*` does not hold for a request with credentials. */
const EXPOSED = [
  ...Object.values(HEADERS),
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'openai-processing-ms',
  ...['limit', 'remaining', 'reset'].flatMap((what) => [`x-ratelimit-${what}-requests`, `x-ratelimit-${what}-tokens`]),
].join(', ');
const PREFLIGHT_SECONDS = 600;

/**
 * What browsers are told (https://fetch.spec.whatwg.org/#http-cors-protocol), and what they are refused: while no key is
 * required, a page of another origin could otherwise spend the owner's money with a plain form post, which no browser asks
 * permission for, and could read the answer by pointing a name of its own at this machine (DNS rebinding). So without a
 * key an `origin` must be allowed, or be our own, and on a loopback connection the name that was asked for must be one
 * that no stranger can point here.
 * @returns `preflight` when the request was a question about permission, which the headers now answer.
 * @throws GatewayError `not_allowed`.
 */
export const admitOrigin = (
  request: IncomingMessage,
  response: ServerResponse,
  { origins, isKeyRequired }: CrossOriginOptions,
): 'go-on' | 'preflight' => {
  const { origin, host = '' } = request.headers;
  if (origin === undefined) {
    if (
      !isKeyRequired() &&
      isLoopbackConnection(request) &&
      !isSafeName(host) &&
      !isAllowed(origins(), `http://${host}`)
    ) {
      throw new GatewayError('not_allowed', `This gateway does not answer to the name "${host}".`);
    }
    return 'go-on';
  }
  response.setHeader('vary', 'Origin');
  if (isAllowed(origins(), origin)) {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-expose-headers', EXPOSED);
    return isPreflight(request) ? answerPreflight(request, response) : 'go-on';
  }
  const isOurs = isSameOrigin(origin, host) && (isKeyRequired() || isSafeName(host));
  // With keys the browser keeps the answer from the page, for it lacks our permission; who has a key may ask.
  if (isOurs || (isKeyRequired() && !isPreflight(request))) return 'go-on';
  throw new GatewayError(
    'not_allowed',
    `Pages of ${origin} may not use this gateway; see cors.origins in routes.yaml.`,
  );
};

const isPreflight = ({ method, headers }: IncomingMessage): boolean =>
  method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;

const answerPreflight = ({ headers }: IncomingMessage, response: ServerResponse): 'preflight' => {
  response.setHeader('access-control-allow-methods', 'GET, HEAD, POST, PUT, PATCH, DELETE');
  const asked = headers['access-control-request-headers'];
  if (asked !== undefined) response.setHeader('access-control-allow-headers', asked);
  if (headers['access-control-request-private-network'] === 'true') {
    response.setHeader('access-control-allow-private-network', 'true');
  }
  response.setHeader('access-control-max-age', String(PREFLIGHT_SECONDS));
  return 'preflight';
};

const isLoopbackConnection = ({ socket }: IncomingMessage): boolean =>
  /^(127\.|::1$|::ffff:127\.)/.test(socket.localAddress ?? '');

/**
 * An address, or a name that nobody can register: one word, or below a domain that is kept for private use (RFC 6761
 * `localhost`, RFC 6762 `local`, and `internal`, as in `host.docker.internal`).
 */
const isSafeName = (host: string): boolean => {
  const name = host.replace(/:\d*$/, '').toLowerCase();
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || !name.includes('.') || /\.(localhost|local|internal)$/.test(name);
};

const isSameOrigin = (origin: string, host: string): boolean => origin.replace(/^https?:\/\//, '') === host;

const isAllowed = (origins: readonly string[], origin: string): boolean => matcherOf(origins)?.test(origin) ?? false;

const matchers = new WeakMap<readonly string[], RegExp>();

const matcherOf = (origins: readonly string[]): RegExp | null => {
  if (origins.length === 0) return null;
  const known = matchers.get(origins) ?? new RegExp(`^(?:${origins.map(toPattern).join('|')})$`);
  matchers.set(origins, known);
  return known;
};

/** `https://*.example.com` stands for every name below it, `http://localhost:*` for every port and for none, `*` for all. */
const toPattern = (origin: string): string =>
  origin === '*'
    ? '.*'
    : origin
        .toLowerCase()
        .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
        .replace(/:\*$/, '(?::\\d+)?')
        .replace('*', '[^/:]+');
