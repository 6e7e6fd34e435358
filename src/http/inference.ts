import type { IncomingMessage, ServerResponse } from 'node:http';
import { GatewayError, toGatewayError } from '../contract/errors.ts';
import type { Incoming, Reply } from '../contract/incoming.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { writeError } from './errors.ts';
import { clientRequestIdOf, requestIdOf } from './front-door.ts';
import type { HttpOptions } from './http-app.ts';
import { readBody } from './read-body.ts';
import { writeReply } from './write-reply.ts';

/** Where requests of a wire format arrive: a path below `/v1`. */
export type InferencePath = { path: string; dialect: Dialect };

/** Where other requests arrive. `answer` never throws. */
export type Endpoint = { path: string; answer(incoming: Incoming): Promise<Reply> };

/**
 * One inference request over Node's own request and response: Hono's web wrappers would cost half the throughput.
 * Resolves when the answer is out, or the client gone. Never rejects.
 */
export const handleInference = (
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpOptions,
  { path, dialect }: InferencePath,
): Promise<void> => {
  const answer = (incoming: Incoming) => options.pipeline(incoming, dialect);
  return handleEndpoint(request, response, options, { path, answer }, dialect.failure);
};

/** The same for a path that is sent on; `path` is below `/v1`, as the client wrote it. */
export const handlePassThrough = (
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpOptions,
  path: string,
): Promise<void> => {
  const { method = 'GET' } = request;
  const answer = (incoming: Incoming) => options.passThrough({ ...incoming, method, path, body: request });
  return handleEndpoint(request, response, options, { path, answer });
};

/** The same for any other endpoint. @param failure the body of an error, where it is not OpenAI's envelope. */
export const handleEndpoint = async (
  request: IncomingMessage,
  response: ServerResponse,
  options: Pick<HttpOptions, 'bodyLimits' | 'clock' | 'logger'>,
  { path, answer }: Endpoint,
  failure?: Dialect['failure'],
): Promise<void> => {
  const { clock } = options;
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new GatewayError('client_closed_request', 'The client left.'));
  });
  response.on('error', () => {});
  const id = requestIdOf(response);
  // Where Anthropic's SDK looks for it.
  if (path.startsWith('/messages')) response.setHeader('request-id', id);
  const incoming: Incoming = {
    id,
    clientRequestId: clientRequestIdOf(response),
    endpoint: `/v1${path}`,
    headers: request.headers,
    readBody: () => readBody(request, options.bodyLimits, clock),
    signal: controller.signal,
  };
  try {
    const reply: Reply = await answer(incoming);
    await writeReply(response, reply, { clock, signal: controller.signal });
  } catch (error) {
    options.logger.error({ err: error, id }, 'a request failed outside the pipeline');
    const fault = toGatewayError(error);
    writeError(response, fault, {}, failure?.(fault));
  }
};
