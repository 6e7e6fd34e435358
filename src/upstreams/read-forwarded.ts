import { GatewayError } from '../contract/errors.ts';
import type { ForwardAnswer } from './upstream.ts';
import { fromErrorStatus, invalidResponse } from './upstream-errors.ts';

const MAX_ERROR_BYTES = 64 * 1024;

/**
 * All bytes of a forwarded answer as text.
 * @throws GatewayError `upstream_invalid_response` beyond `limit` bytes; what its body fails with.
 */
export const readForwarded = async (upstream: string, { body }: ForwardAnswer, limit: number): Promise<string> => {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    size += piece.length;
    if (size > limit) throw invalidResponse(upstream, `sent an answer beyond ${limit} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
};

/** An answer with an error status as an error, in the terms that hold for chat requests too. Reads the answer. */
export const refusalOf = async (upstream: string, answer: ForwardAnswer): Promise<GatewayError> => {
  const { status, headers } = answer;
  const text = await readForwarded(upstream, answer, MAX_ERROR_BYTES);
  const contentType = headers['content-type'] ?? '';
  const retryAfter = headers['retry-after'] ?? null;
  // Unlike a chat path, these paths many servers do not have.
  if (status === 404 || status === 405 || status === 501) {
    const message = `Upstream "${upstream}" does not serve this endpoint or this model (${status}).`;
    return new GatewayError('not_found', message, { isRetryable: true, upstreamStatus: status });
  }
  return fromErrorStatus(upstream, { status, contentType, retryAfter, text });
};
