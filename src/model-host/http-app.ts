import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { GatewayError, toGatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';
import { newId } from '../lib/id.ts';
import { answerChat, type Serving } from './answer-chat.ts';
import { carriesKey } from './bearer-key.ts';
import { parseChatRequest } from './chat-request.ts';
import type { HostStatus } from './host-status.ts';
import { readBody } from './read-body.ts';

export type HttpAppOptions = {
  name: string;
  /** Demanded as bearer token when set; on a Unix socket the file's mode protects instead. */
  key: string | null;
  status: () => HostStatus;
  /** `null` until the model is loaded. */
  serving: () => Serving | null;
  clock: Clock;
  onError: (error: Error) => void;
};

type Env = { Bindings: HttpBindings };

/** An opaque name for the tenant, set by the gateway; KV prefixes are never shared between two of them. */
const PARTITION_HEADER = 'x-rightsize-partition';
const MAX_BODY_BYTES = 32 * 1024 * 1024;
const LOADING_RETRY_SECONDS = 2;

/** The model host's routes: `POST /v1/chat/completions`, `GET /v1/models`, `GET /v1/models/{id}`, `GET /healthz`. */
export const createHttpApp = (options: HttpAppOptions): Hono<Env> => {
  const app = new Hono<Env>();
  const created = Math.floor(options.clock.now() / 1000);
  const describe = () => ({ id: options.name, object: 'model', created, owned_by: 'rightsize' });

  app.use(async (c, next) => {
    const { incoming, outgoing } = c.env;
    outgoing.setHeader('x-request-id', incoming.headers['x-request-id'] ?? newId('req', options.clock.now()));
    const isOpen = c.req.path === '/healthz' || options.key === null;
    if (!isOpen && !carriesKey(incoming.headers.authorization, options.key!)) {
      throw new GatewayError('invalid_api_key', 'Incorrect API key provided.');
    }
    await next();
  });

  app.get('/healthz', (c) => {
    const status = options.status();
    const serving = options.serving();
    const facts = serving && { model: { id: serving.name, ...serving.loaded.facts }, sequences: serving.pool.facts };
    return c.json({ ...status, pid: process.pid, ...facts }, status.state === 'ready' ? 200 : 503);
  });
  app.get('/v1/models', (c) => c.json({ object: 'list', data: [describe()] }));
  app.get('/v1/models/:id{.+}', (c) => {
    if (c.req.param('id') === options.name) return c.json(describe());
    throw new GatewayError('model_not_found', `The model '${c.req.param('id')}' does not exist.`, { param: 'model' });
  });
  app.post('/v1/chat/completions', async (c) => {
    await chat(options, c.env.incoming as IncomingMessage, c.env.outgoing as ServerResponse);
    return RESPONSE_ALREADY_SENT;
  });
  app.on(['GET', 'PUT', 'PATCH', 'DELETE'], '/v1/chat/completions', () => {
    throw new GatewayError('method_not_allowed', 'Chat completions are asked for with POST.');
  });
  app.notFound((c) => {
    return fail(c, new GatewayError('not_found', `There is nothing at ${c.req.method} ${c.req.path}.`));
  });
  app.onError((error, c) => {
    const failure = toGatewayError(error);
    if (failure.status === 500) options.onError(error);
    return fail(c, failure);
  });
  return app;
};

const chat = async (options: HttpAppOptions, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
  // Writing to a client that has left is no failure of ours; `close` has already told.
  outgoing.on('error', () => {});
  const request = parseChatRequest(await readBody(incoming, MAX_BODY_BYTES));
  const serving = options.serving();
  if (!serving) {
    const { state, detail } = options.status();
    throw new GatewayError('no_upstream_available', `The local model is not ready (${state}): ${detail}`, {
      retryAfterSeconds: LOADING_RETRY_SECONDS,
      isRetryable: true,
    });
  }
  const partition = incoming.headers[PARTITION_HEADER];
  await answerChat(serving, request, String(partition ?? ''), outgoing, options.clock.now());
};

const fail = (c: Context<Env>, error: GatewayError): Response => {
  if (error.retryAfterSeconds !== undefined) c.header('retry-after', String(error.retryAfterSeconds));
  return c.json(error.toEnvelope(), error.status as ContentfulStatusCode);
};
