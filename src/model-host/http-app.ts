import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { GatewayError, toGatewayError } from '../contract/errors.ts';
import { HEADERS } from '../contract/vocabulary.ts';
import type { Clock } from '../lib/clock.ts';
import { newId } from '../lib/id.ts';
import { answerChat } from './answer-chat.ts';
import { answerText } from './answer-text.ts';
import { carriesKey } from './bearer-key.ts';
import { parseChatRequest } from './chat-request.ts';
import { parseEmbeddingsRequest } from './embeddings.ts';
import type { HostStatus } from './host-status.ts';
import { readBody } from './read-body.ts';
import { parseRerankRequest } from './rerank.ts';
import type { Services } from './services.ts';
import { parseTextRequest } from './text-request.ts';

export type HttpAppOptions = {
  name: string;
  /** Demanded as bearer token when set; on a Unix socket the file's mode protects instead. */
  key: string | null;
  status: () => HostStatus;
  /** `null` until the model is loaded. */
  services: () => Services | null;
  clock: Clock;
  onError: (error: Error) => void;
};

type Env = { Bindings: HttpBindings };

/** An opaque name for the tenant, set by the gateway; KV prefixes are never shared between two of them. */
const PARTITION_HEADER = 'x-rightsize-partition';
const MAX_BODY_BYTES = 32 * 1024 * 1024;
const LOADING_RETRY_SECONDS = 2;

const PATHS = ['/v1/chat/completions', '/v1/completions', '/v1/embeddings', '/v1/rerank'];

/**
 * The model host's routes: `POST /v1/chat/completions`, `/v1/completions`, `/v1/embeddings` and `/v1/rerank`, `GET /v1/models`,
 * `GET /v1/models/{id}`, `GET /healthz`.
 */
export const createHttpApp = (options: HttpAppOptions): Hono<Env> => {
  const app = new Hono<Env>();
  const created = Math.floor(options.clock.now() / 1000);
  const describe = () => ({ id: options.name, object: 'model', created, owned_by: 'rightsize', ...abilities(options) });

  app.use(async (c, next) => {
    const { incoming, outgoing } = c.env;
    outgoing.setHeader('x-request-id', incoming.headers['x-request-id'] ?? newId('req', options.clock.now()));
    const isOpen = /^(\/v1)?\/healthz$/.test(c.req.path) || options.key === null;
    if (!isOpen && !carriesKey(incoming.headers.authorization, options.key!)) {
      throw new GatewayError('invalid_api_key', 'Incorrect API key provided.');
    }
    await next();
  });

  // Below the base URL as well, for a gateway that forwards.
  app.on('GET', ['/healthz', '/v1/healthz'], (c) => {
    const status = options.status();
    const services = options.services();
    const facts = services && {
      model: { id: options.name, ...services.facts },
      ...(services.chat && { sequences: services.chat.pool.facts }),
    };
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
  app.post('/v1/completions', async (c) => {
    await completeText(options, c.env.incoming as IncomingMessage, c.env.outgoing as ServerResponse);
    return RESPONSE_ALREADY_SENT;
  });
  app.post('/v1/embeddings', async (c) => {
    const request = parseEmbeddingsRequest(await readBody(c.env.incoming as IncomingMessage, MAX_BODY_BYTES));
    const { embedder } = ready(options, request.model);
    if (!embedder) throw notMadeFor(options, 'embeddings');
    return c.json(await embedder.embed(options.name, request, untilGone(c)));
  });
  app.post('/v1/rerank', async (c) => {
    const request = parseRerankRequest(await readBody(c.env.incoming as IncomingMessage, MAX_BODY_BYTES));
    const { ranker } = ready(options, request.model);
    if (!ranker) throw notMadeFor(options, 'reranking');
    return c.json(await ranker.rank(options.name, request, untilGone(c)));
  });
  app.on(['GET', 'PUT', 'PATCH', 'DELETE'], PATHS, (c) => {
    throw new GatewayError('method_not_allowed', `${c.req.path} is asked with POST.`);
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
  const { chat: serving } = ready(options, request.model);
  if (!serving) throw notMadeFor(options, 'chat completions');
  await answerChat(serving, request, borrowerOf(incoming), outgoing, options.clock.now());
};

const completeText = async (
  options: HttpAppOptions,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> => {
  outgoing.on('error', () => {});
  const request = parseTextRequest(await readBody(incoming, MAX_BODY_BYTES));
  const { chat: serving } = ready(options, request.model);
  if (!serving) throw notMadeFor(options, 'text completions');
  await answerText(serving, request, borrowerOf(incoming), outgoing, options.clock.now());
};

const borrowerOf = ({ headers }: IncomingMessage) => {
  const session = headers[HEADERS.session];
  return {
    partition: String(headers[PARTITION_HEADER] ?? ''),
    session: session === undefined ? undefined : String(session),
  };
};

/**
 * What the model answers, once it is loaded and meant.
 * @throws GatewayError `no_upstream_available` until then, `model_not_found` for another model.
 */
const ready = (options: HttpAppOptions, model: string): Services => {
  const services = options.services();
  if (!services) {
    const { state, detail } = options.status();
    throw new GatewayError('no_upstream_available', `The local model is not ready (${state}): ${detail}`, {
      retryAfterSeconds: LOADING_RETRY_SECONDS,
      isRetryable: true,
    });
  }
  if (model === options.name) return services;
  throw new GatewayError('model_not_found', `The model '${model}' does not exist.`, { param: 'model' });
};

/** What the model can do, once that is known, beside OpenAI's four fields. */
const abilities = ({ services }: HttpAppOptions) => {
  const facts = services()?.facts;
  return facts && { chats: facts.task === 'chat', embeds: facts.embeds, ranks: facts.ranks };
};

const notMadeFor = ({ name, services }: HttpAppOptions, what: string): GatewayError =>
  new GatewayError('invalid_value', `The model '${name}' is made for ${services()?.facts.task} and not for ${what}.`, {
    param: 'model',
  });

const untilGone = (c: Context<Env>): AbortSignal => {
  const gone = new AbortController();
  const response = c.env.outgoing as ServerResponse;
  response.once('close', () => gone.abort(new GatewayError('client_closed_request', 'The client left.')));
  return gone.signal;
};

const fail = (c: Context<Env>, error: GatewayError): Response => {
  if (error.retryAfterSeconds !== undefined) c.header('retry-after', String(error.retryAfterSeconds));
  return c.json(error.toEnvelope(), error.status as ContentfulStatusCode);
};
