import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
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

/** An opaque name for the tenant, set by the gateway; KV prefixes are never shared between two of them. */
const PARTITION_HEADER = 'x-rightsize-partition';
const MAX_BODY_BYTES = 32 * 1024 * 1024;
const LOADING_RETRY_SECONDS = 2;

type Exchange = { options: HttpAppOptions; incoming: IncomingMessage; outgoing: ServerResponse };
type Answerer = (exchange: Exchange) => Promise<void>;

/**
 * The model host's routes: `POST /v1/chat/completions`, `/v1/completions`, `/v1/embeddings` and `/v1/rerank`, `GET /v1/models`,
 * `GET /v1/models/{id}`, `GET /healthz`. On Node's own server: what a web framework brings would be a tenth of the
 * memory that the process takes beside its model.
 */
export const createHttpApp = (options: HttpAppOptions): RequestListener => {
  const created = Math.floor(options.clock.now() / 1000);
  const describe = () => ({ id: options.name, object: 'model', created, owned_by: 'rightsize', ...abilities(options) });
  return (incoming, outgoing) => {
    // Writing to a client that has left is no failure of ours; `close` has already told.
    outgoing.on('error', () => {});
    outgoing.setHeader('x-request-id', incoming.headers['x-request-id'] ?? newId('req', options.clock.now()));
    answer({ options, incoming, outgoing }, describe).catch((error: unknown) => {
      const failure = toGatewayError(error);
      if (failure.status === 500) options.onError(error as Error);
      fail(outgoing, failure);
    });
  };
};

const answer = async (exchange: Exchange, describe: () => object): Promise<void> => {
  const { options, incoming, outgoing } = exchange;
  const method = incoming.method === 'HEAD' ? 'GET' : incoming.method!;
  const path = incoming.url!.split('?', 1)[0]!;
  // Below the base URL as well, for a gateway that forwards.
  const isHealth = path === '/healthz' || path === '/v1/healthz';
  if (!isHealth && options.key !== null && !carriesKey(incoming.headers.authorization, options.key)) {
    throw new GatewayError('invalid_api_key', 'Incorrect API key provided.');
  }
  const answerer = ANSWERERS[path];
  if (answerer) {
    if (method === 'POST') return answerer(exchange);
    throw new GatewayError('method_not_allowed', `${path} is asked with POST.`);
  }
  if (method !== 'GET') throw unknownPath(method, path);
  if (isHealth) return sendHealth(exchange);
  if (path === '/v1/models') return sendJson(outgoing, 200, { object: 'list', data: [describe()] });
  if (!path.startsWith(MODEL_PATH)) throw unknownPath(method, path);
  const id = decode(path.slice(MODEL_PATH.length));
  if (id === options.name) return sendJson(outgoing, 200, describe());
  throw new GatewayError('model_not_found', `The model '${id}' does not exist.`, { param: 'model' });
};

const MODEL_PATH = '/v1/models/';

const unknownPath = (method: string, path: string): GatewayError =>
  new GatewayError('not_found', `There is nothing at ${method} ${path}.`);

const sendHealth = ({ options, outgoing }: Exchange): void => {
  const status = options.status();
  const services = options.services();
  const facts = services && {
    model: { id: options.name, ...services.facts },
    ...(services.chat && { sequences: services.chat.pool.facts }),
  };
  sendJson(outgoing, status.state === 'ready' ? 200 : 503, { ...status, pid: process.pid, ...facts });
};

const chat: Answerer = async ({ options, incoming, outgoing }) => {
  const request = parseChatRequest(await readBody(incoming, MAX_BODY_BYTES));
  const { chat: serving } = ready(options, request.model);
  if (!serving) throw notMadeFor(options, 'chat completions');
  await answerChat(serving, request, borrowerOf(incoming), outgoing, options.clock.now());
};

const completeText: Answerer = async ({ options, incoming, outgoing }) => {
  const request = parseTextRequest(await readBody(incoming, MAX_BODY_BYTES));
  const { chat: serving } = ready(options, request.model);
  if (!serving) throw notMadeFor(options, 'text completions');
  await answerText(serving, request, borrowerOf(incoming), outgoing, options.clock.now());
};

const embed: Answerer = async ({ options, incoming, outgoing }) => {
  const request = parseEmbeddingsRequest(await readBody(incoming, MAX_BODY_BYTES));
  const { embedder } = ready(options, request.model);
  if (!embedder) throw notMadeFor(options, 'embeddings');
  sendJson(outgoing, 200, await embedder.embed(options.name, request, untilGone(outgoing)));
};

const rerank: Answerer = async ({ options, incoming, outgoing }) => {
  const request = parseRerankRequest(await readBody(incoming, MAX_BODY_BYTES));
  const { ranker } = ready(options, request.model);
  if (!ranker) throw notMadeFor(options, 'reranking');
  sendJson(outgoing, 200, await ranker.rank(options.name, request, untilGone(outgoing)));
};

const ANSWERERS: Record<string, Answerer | undefined> = {
  '/v1/chat/completions': chat,
  '/v1/completions': completeText,
  '/v1/embeddings': embed,
  '/v1/rerank': rerank,
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

const untilGone = (outgoing: ServerResponse): AbortSignal => {
  const gone = new AbortController();
  outgoing.once('close', () => gone.abort(new GatewayError('client_closed_request', 'The client left.')));
  return gone.signal;
};

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Nothing can be said any more to a client that has left, or that has had the beginning of an answer. */
const fail = (outgoing: ServerResponse, error: GatewayError): void => {
  if (outgoing.headersSent || outgoing.destroyed) return void outgoing.destroy();
  if (error.retryAfterSeconds !== undefined) outgoing.setHeader('retry-after', String(error.retryAfterSeconds));
  sendJson(outgoing, error.status, error.toEnvelope());
};

const sendJson = (outgoing: ServerResponse, status: number, value: object): void => {
  const body = Buffer.from(JSON.stringify(value));
  outgoing.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
};
