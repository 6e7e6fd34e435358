import { type ErrorCode, GatewayError, toGatewayError } from '../contract/errors.ts';
import { saysTooLong } from './presets/too-long.ts';

/**
 * A failed connection or transfer as a GatewayError. undici's and Node's own codes are in
 * https://undici.nodejs.org/#/docs/api/Errors and `node:errno`.
 */
export const fromTransportError = (upstream: string, error: unknown): GatewayError => {
  if (error instanceof GatewayError) return error;
  // Not the connection: a body nested too deeply to be written again.
  if (error instanceof RangeError) return toGatewayError(error);
  const code = (error as { code?: string }).code ?? '';
  if (code === 'UND_ERR_CONNECT_TIMEOUT') {
    const message = `Upstream "${upstream}" did not accept a connection in time.`;
    return new GatewayError('upstream_connect_timeout', message, { isRetryable: true, cause: error });
  }
  const isRefusal = ['ECONNREFUSED', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code);
  if (isRefusal || isTlsCode(code)) {
    const message = `Upstream "${upstream}" cannot be reached (${code}).`;
    return new GatewayError('upstream_unreachable', message, { isRetryable: true, cause: error });
  }
  const message = `The connection to upstream "${upstream}" broke${code ? ` (${code})` : ''}.`;
  return new GatewayError('upstream_interrupted', message, { isRetryable: true, cause: error });
};

const isTlsCode = (code: string): boolean => code.startsWith('ERR_TLS') || code.includes('CERT');

/**
 * An HTTP error answer as a GatewayError. What the upstream blames on the request itself (400, 413, 422 with an
 * envelope) is relayed word for word and not tried elsewhere; everything else may succeed at another upstream, and so
 * may a prompt that is too long for this one, in whichever words and with whichever status it says so.
 */
export const fromErrorStatus = (
  upstream: string,
  answer: { status: number; contentType: string; retryAfter: string | null; text: string },
): GatewayError => {
  const { status } = answer;
  const said = errorMessage(answer.text);
  const words = said ? `: ${said}` : '.';
  if (status >= 400 && saysTooLong(answer.text))
    return tooLong(upstream, said ?? answer.text, { status, body: answer.text });
  const isRequestFault = (status === 400 || status === 413 || status === 422) && said !== null;
  if (isRequestFault) {
    return new GatewayError('upstream_refused', `Upstream "${upstream}" refused the request (${status})${words}`, {
      // What one upstream lacks another may have, or not need; a value that is wrong is wrong everywhere.
      isRetryable: /"code"\s*:\s*"(unsupported_parameter|previous_response_not_found|invalid_encrypted_content)"/.test(
        answer.text,
      ),
      upstreamStatus: status,
      relay: { status, body: answer.text, contentType: 'application/json' },
    });
  }
  const retryAfterSeconds = parseRetryAfter(answer.retryAfter);
  const fail = (code: ErrorCode, message: string) =>
    new GatewayError(code, message, {
      isRetryable: true,
      upstreamStatus: status,
      ...(retryAfterSeconds !== null && { retryAfterSeconds }),
    });
  if (status === 401 || status === 403) {
    return fail('upstream_rejected_key', `Upstream "${upstream}" rejected the gateway's API key (${status}).`);
  }
  if (status === 429) return fail('upstream_rate_limited', `Upstream "${upstream}" is rate limited (429)${words}`);
  if (status < 400) return fail('upstream_invalid_response', `Upstream "${upstream}" answered status ${status}.`);
  return fail('upstream_error', `Upstream "${upstream}" failed (${status})${words}`);
};

/**
 * The text of an error envelope in any of its usual shapes, cut at 500 characters; null when there is none. Ollama's text
 * is the envelope of the server behind it.
 */
const errorMessage = (text: string): string | null => {
  try {
    const body = JSON.parse(text) as { error?: string | { message?: string }; message?: string };
    const message = typeof body.error === 'string' ? body.error : (body.error?.message ?? body.message);
    if (typeof message !== 'string') return null;
    return (message.startsWith('{') && errorMessage(message)) || message.slice(0, 500);
  } catch {
    return null;
  }
};

/**
 * A `retry-after` of seconds or a date (RFC 9110, section 10.2.3) as whole seconds, at most 30: older clients sleep
 * however long they are told to.
 */
const parseRetryAfter = (value: string | null): number | null => {
  if (value === null) return null;
  const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(30, Math.max(1, Math.ceil(seconds))) : null;
};

/** The error that an upstream sent inside a stream or with status 200. */
export const fromErrorBody = (upstream: string, text: string): GatewayError => {
  const said = errorMessage(text) ?? 'it sent an error';
  if (saysTooLong(text)) return tooLong(upstream, said, null);
  return new GatewayError('upstream_error', `Upstream "${upstream}" failed: ${said}`, { isRetryable: true });
};

/**
 * A prompt beyond the model's context, as OpenAI would say it: clients look for the code and for the first words. An
 * answer that has the code already is relayed. A longer context may be had elsewhere.
 */
const tooLong = (upstream: string, said: string, answer: { status: number; body: string } | null): GatewayError => {
  const message = said.includes(TOO_LONG)
    ? said
    : `${TOO_LONG} exceeded. Upstream "${upstream}": ${said.slice(0, 500)}`;
  const hasCode = answer !== null && /"code":\s*"context_length_exceeded"/.test(answer.body);
  return new GatewayError('context_length_exceeded', message, {
    isRetryable: true,
    param: 'messages',
    ...(answer && { upstreamStatus: answer.status }),
    ...(hasCode && { relay: { ...answer, contentType: 'application/json' } }),
  });
};

const TOO_LONG = "This model's maximum context length is";

export const invalidResponse = (upstream: string, what: string): GatewayError =>
  new GatewayError('upstream_invalid_response', `Upstream "${upstream}" ${what}.`, { isRetryable: true });

/** An answer that stopped before its finish reason. */
export const interrupted = (upstream: string): GatewayError =>
  new GatewayError('upstream_interrupted', `Upstream "${upstream}" ended its answer in the middle.`, {
    isRetryable: true,
  });
