import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import { getPath } from 'hono/utils/url';
import { authenticate, presentedKey } from '../auth/authenticate.ts';
import type { KeyStore } from '../auth/key-store.ts';
import { GatewayError, toGatewayError } from '../contract/errors.ts';
import type { Incoming, Reply } from '../contract/incoming.ts';
import type { PassThroughRequest } from '../contract/pass-through.ts';
import type { Dialect } from '../dialects/dialect.ts';
import type { Logger } from '../lib/logger.ts';
import { createAdminApp } from './admin/admin-app.ts';
import type { AdminOptions } from './admin/admin-env.ts';
import { dashboardRoutes } from './dashboard.ts';
import { type Endpoint, handleEndpoint, handleInference, handlePassThrough, type InferencePath } from './inference.ts';
import type { Metrics } from './metrics.ts';
import { listModels } from './models.ts';
import { modelsOfCaller } from './models-of-caller.ts';
import { pathBelowV1 } from './path-below-v1.ts';
import type { BodyLimits } from './read-body.ts';
import { createResponsesApp, type ResponsesOptions } from './responses.ts';

export type HttpOptions = AdminOptions &
  ResponsesOptions & {
    pipeline(incoming: Incoming, dialect: Dialect): Promise<Reply>;
    /** Every path that the pipeline answers. */
    inference: InferencePath[];
    endpoints: Endpoint[];
    passThrough(request: PassThroughRequest): Promise<Reply>;
    keys: KeyStore;
    metrics: Metrics;
    logger: Logger;
    bodyLimits: BodyLimits;
    routesSchema: string;
    /** Where the dashboard was built to. */
    dashboardDir: string;
  };

const JSON_TYPE = { 'content-type': 'application/json' };

type Env = { Bindings: HttpBindings };

type NodeHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

const onNode =
  (handle: NodeHandler) =>
  async ({ env }: Context<Env>): Promise<Response> => {
    await handle(env.incoming as IncomingMessage, env.outgoing as ServerResponse);
    return RESPONSE_ALREADY_SENT;
  };

/**
 * Every path of the gateway. Paths work with and without `/v1`, with doubled slashes and one at the end, as clients differ in what they
 * append to a base URL.
 */
export const createHttpApp = (options: HttpOptions): Hono<Env> => {
  const app = new Hono<Env>({
    getPath: (request) =>
      getPath(request)
        .replace(/\/{2,}/g, '/')
        .replace(/(.)\/$/, '$1'),
  });
  const callerOf = (context: Context<Env>) => authenticate({ headers: context.env.incoming.headers }, options.keys);
  /** Figures of all teams are not for the key of one. */
  const requireMetricsReader = async (context: Context<Env>, next: () => Promise<void>) => {
    const { headers, socket } = context.env.incoming;
    const key = presentedKey(headers);
    if (key?.startsWith('rsa-')) {
      const { team } = await options.authority.identify(key, socket.remoteAddress ?? '');
      if (team !== null) throw new GatewayError('not_allowed', 'This needs a key that is not bound to a team.');
    } else if ((await callerOf(context)).permissions !== undefined) {
      throw new GatewayError('not_allowed', 'A virtual key reads no metrics; use the key of a viewer.');
    }
    await next();
  };

  const post = (path: string, handle: NodeHandler) => {
    app.post(path, onNode(handle));
    app.all(path, (context) => refuseMethod(context, 'POST'));
  };

  app.get('/healthz', (context) => context.json({ status: 'alive' }));
  app.get('/health', (context) => context.json({ status: 'alive' }));
  app.get('/readyz', (context) => {
    const readiness = options.readiness();
    return context.json(readiness, readiness.status === 'unavailable' ? 503 : 200);
  });
  app.get('/metrics', requireMetricsReader, async (context) => {
    const { text, contentType } = await options.metrics.render();
    return context.body(text, 200, { 'content-type': contentType });
  });
  app.get('/schema/routes.json', (context) =>
    context.body(options.routesSchema, 200, { 'content-type': 'application/schema+json' }),
  );

  app.route('/admin/api', createAdminApp(options));
  app.route('/dashboard', dashboardRoutes(options.dashboardDir));
  app.get('/', (context) => context.redirect('/dashboard'));

  for (const prefix of ['/v1', '']) {
    for (const entry of options.inference) {
      post(prefix + entry.path, (request, response) => handleInference(request, response, options, entry));
    }
    for (const entry of options.endpoints) {
      post(prefix + entry.path, (request, response) => handleEndpoint(request, response, options, entry));
    }
    app.route(`${prefix}/responses`, createResponsesApp(options));
    app.get(`${prefix}/models`, async (context) => {
      const { entries, json } = models();
      const shown = modelsOfCaller(entries, await callerOf(context), options.runtime());
      const text = shown === entries ? json : JSON.stringify({ object: 'list', data: [...shown.values()] });
      return context.body(text, 200, JSON_TYPE);
    });
    app.get(`${prefix}/models/:id{.+}`, async (context) => {
      const id = context.req.param('id') ?? '';
      const shown = modelsOfCaller(models().entries, await callerOf(context), options.runtime());
      const entry = shown.get(id);
      if (entry === undefined) {
        throw new GatewayError('model_not_found', `The model "${id}" does not exist.`, { param: 'model' });
      }
      return context.json(entry);
    });
    for (const path of ['models', 'models/:id{.+}']) {
      app.all(`${prefix}/${path}`, (context) => refuseMethod(context, 'GET, HEAD'));
    }
  }

  app.all(
    '/v1/:rest{.+}',
    onNode((request, response) => handlePassThrough(request, response, options, pathBelowV1(request.url ?? ''))),
  );

  app.notFound((context) => failure(context, new GatewayError('not_found', `No such path: ${context.req.path}`)));
  app.onError((error, context) => {
    if (!(error instanceof GatewayError)) options.logger.error({ err: error }, 'a request failed');
    return failure(context, toGatewayError(error));
  });

  const refuseMethod = (context: Context, allowed: string) => {
    context.header('allow', allowed);
    const message = `${context.req.method} is not allowed here; use ${allowed}.`;
    return failure(context, new GatewayError('method_not_allowed', message));
  };
  const models = () => listModels(options.runtime(), options.configStatus().loadedAt);
  const failure = (context: Context, error: GatewayError) =>
    context.json(error.toEnvelope(), error.status as 400, {
      ...(error.retryAfterSeconds !== undefined && { 'retry-after': String(error.retryAfterSeconds) }),
    });
  return app;
};
