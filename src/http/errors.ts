import type { ServerResponse } from 'node:http';
import type { GatewayError } from '../contract/errors.ts';

/** The answer to a request that failed before anything was sent: OpenAI's envelope, or the upstream's own words. */
export const writeError = (
  response: ServerResponse,
  error: GatewayError,
  headers: Record<string, string>,
  text?: string,
): void => {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = text ?? error.relay?.body ?? JSON.stringify(error.toEnvelope());
  response.writeHead(error.status, {
    ...headers,
    'content-type': error.relay?.contentType ?? 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(error.retryAfterSeconds !== undefined && { 'retry-after': String(error.retryAfterSeconds) }),
    ...(error.retryAfterMs !== undefined && { 'retry-after-ms': String(error.retryAfterMs) }),
    ...(error.shouldRetry !== undefined && { 'x-should-retry': String(error.shouldRetry) }),
    // The rest of a body that nobody will read must not be taken for the next request.
    ...((error.code === 'body_too_large' || error.code === 'body_timeout') && { connection: 'close' }),
  });
  response.end(body);
};
