import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { authenticate } from '../auth/authenticate.ts';
import type { KeyStore } from '../auth/key-store.ts';
import type { BackgroundResponses } from '../background-responses.ts';
import { GatewayError } from '../contract/errors.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { forgetAtUpstream } from '../dialects/forget-response.ts';
import { estimatePromptTokens } from '../ledger/estimate-tokens.ts';
import type { Clock } from '../lib/clock.ts';
import { parseJson } from '../lib/parse-json.ts';
import type { Runtime } from '../ports.ts';
import type { ResponseStore, StoredResponse } from '../responses/response-store.ts';
import { requestIdOf } from './front-door.ts';
import { type BodyLimits, readBody } from './read-body.ts';

export type ResponsesOptions = {
  responses: ResponseStore;
  background: Pick<BackgroundResponses, 'current' | 'cancel' | 'isRunning'>;
  /** Reads what is to be counted. */
  responsesDialect: Dialect;
  runtime(): Runtime;
  keys: KeyStore;
  clock: Clock;
  bodyLimits: BodyLimits;
};

type Env = { Bindings: HttpBindings; Variables: { team: string } };

const MOST_ITEMS = 100;
const USUAL_ITEMS = 20;

/** What clients may do with responses beside asking for one: paths below `/v1/responses`. They ask no upstream for an answer. */
export const createResponsesApp = (options: ResponsesOptions): Hono<Env> => {
  const { responses, background, keys } = options;
  const app = new Hono<Env>();
  app.use(async (context, next) => {
    context.set('team', (await authenticate({ headers: context.env.incoming.headers }, keys)).team);
    await next();
  });
  const stored = async (context: Context<Env>): Promise<StoredResponse> => {
    const id = context.req.param('id') ?? '';
    const found = await responses.get(context.get('team'), id);
    return found === null ? notFound(id) : background.current(found);
  };

  app.post('/input_tokens', async (context) => {
    const { incoming, outgoing } = context.env;
    const bytes = await readBody(incoming as IncomingMessage, options.bodyLimits, options.clock);
    const id = requestIdOf(outgoing as ServerResponse);
    const origin = { id, team: context.get('team'), headers: incoming.headers };
    const { chat } = await options.responsesDialect.read(withModel(bytes), origin);
    return context.json({ object: 'response.input_tokens', input_tokens: estimatePromptTokens(chat.body) });
  });
  app.get('/:id', async (context) => {
    const { response } = await stored(context);
    if (context.req.query('stream') === 'true') {
      const message = 'A stored response cannot be streamed again: ask for it without `stream`.';
      throw new GatewayError('unsupported_parameter', message, { param: 'stream' });
    }
    return context.body(response, 200, { 'content-type': 'application/json' });
  });
  app.delete('/:id', async (context) => {
    const found = await stored(context);
    const { id } = found;
    if (background.isRunning(found)) await background.cancel(found);
    const leaving = new AbortController();
    context.env.outgoing.once('close', () => leaving.abort(LEFT));
    await forgetAtUpstream(found, options.runtime(), leaving.signal);
    await responses.delete(context.get('team'), id);
    return context.json({ id, object: 'response', deleted: true });
  });
  app.post('/:id/cancel', async (context) => {
    const { response } = await background.cancel(await stored(context));
    return context.body(response, 200, { 'content-type': 'application/json' });
  });
  app.get('/:id/input_items', async (context) => {
    const items = JSON.parse((await stored(context)).input) as { id: string }[];
    return context.json(pageOf(items, context.req.query()));
  });
  return app;
};

/** Here a model may be left out, and none is asked. */
const withModel = (bytes: Buffer): Buffer => {
  const text = bytes.toString('utf8');
  try {
    const body = parseJson(text) as { model?: unknown };
    return body.model == null ? Buffer.from(JSON.stringify({ ...body, model: 'auto' })) : bytes;
  } catch {
    return bytes;
  }
};

/** A page of a list as OpenAI cuts it: `after` an id, at most `limit`, the newest first unless `order` is `asc`. */
const pageOf = (
  items: { id: string }[],
  { after, limit = String(USUAL_ITEMS), order = 'desc' }: Record<string, string>,
) => {
  const count = Number(limit);
  if (!Number.isInteger(count) || count < 1 || count > MOST_ITEMS) {
    throw new GatewayError('invalid_value', `Invalid value for 'limit': expected 1 to ${MOST_ITEMS}.`, {
      param: 'limit',
    });
  }
  if (order !== 'asc' && order !== 'desc') {
    throw new GatewayError('invalid_value', "Invalid value for 'order': expected asc or desc.", { param: 'order' });
  }
  const ordered = order === 'asc' ? items : [...items].reverse();
  const begin = after === undefined ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && begin === 0) {
    throw new GatewayError('invalid_value', `Invalid value for 'after': no item is called '${after}'.`, {
      param: 'after',
    });
  }
  const data = ordered.slice(begin, begin + count);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: begin + count < ordered.length,
  };
};

const LEFT = new GatewayError('client_closed_request', 'The client left.');

const notFound = (id: string): never => {
  throw new GatewayError('not_found', `Response with id '${id}' not found.`, { param: 'response_id' });
};
