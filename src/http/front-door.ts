import type { IncomingMessage, ServerResponse } from 'node:http';
import { toGatewayError } from '../contract/errors.ts';
import { HEADERS } from '../contract/vocabulary.ts';
import type { Clock } from '../lib/clock.ts';
import { newId } from '../lib/id.ts';
import { admitOrigin, type CrossOriginOptions } from './cross-origin.ts';
import { writeError } from './errors.ts';

/** What OpenAI takes as a client's own id, shorter: visible ASCII (https://platform.openai.com/docs/api-reference/debugging-requests). */
const CLIENT_ID = /^[\x21-\x7e]{1,128}$/;

/**
 * What happens to every request before anything else: it gets its `x-request-id`, whatever becomes of it, and browsers
 * are told whether they may. The id is always ours, for it is the ledger's key and must not come twice; a client's own, in
 * `x-client-request-id` or `x-request-id`, is sent back as `x-client-request-id`.
 * @returns false when the request has been answered.
 */
export const passFrontDoor = (
  request: IncomingMessage,
  response: ServerResponse,
  options: CrossOriginOptions & { clock: Clock },
): boolean => {
  response.setHeader(HEADERS.requestId, newId('req', options.clock.now()));
  const clientId = request.headers[HEADERS.clientRequestId] ?? request.headers[HEADERS.requestId];
  if (typeof clientId === 'string' && CLIENT_ID.test(clientId)) response.setHeader(HEADERS.clientRequestId, clientId);
  try {
    if (admitOrigin(request, response, options) === 'go-on') return true;
    response.writeHead(204).end();
  } catch (error) {
    writeError(response, toGatewayError(error), {});
  }
  return false;
};

/** The client's own id for this request, where it gave a good one. */
export const clientRequestIdOf = (response: ServerResponse): string | null =>
  (response.getHeader(HEADERS.clientRequestId) as string | undefined) ?? null;

/** The id that the front door gave this request. */
export const requestIdOf = (response: ServerResponse): string => String(response.getHeader(HEADERS.requestId));
