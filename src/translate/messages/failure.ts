import type { GatewayError } from '../../contract/errors.ts';

/** By status (https://docs.anthropic.com/en/api/errors). */
const TYPES: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  413: 'request_too_large',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
};

/** An error in Anthropic's envelope, with our stable code beside its type; an upstream's own words where it said them so. */
export const toMessagesFailure = (error: GatewayError): string => {
  const said = error.relay?.body;
  if (said !== undefined && /^\s*\{\s*"type"\s*:\s*"error"/.test(said)) return said;
  const { message, code, param } = error.toEnvelope().error;
  const type = TYPES[error.status] ?? (error.status < 500 ? 'invalid_request_error' : 'api_error');
  return JSON.stringify({ type: 'error', error: { type, message: relayed(said) ?? message, code, param } });
};

/** The words of an error that an upstream told in chat's envelope. */
const relayed = (body: string | undefined): string | null => {
  try {
    const { message } = (JSON.parse(body ?? '') as { error: { message?: unknown } }).error;
    return typeof message === 'string' ? message : null;
  } catch {
    return null;
  }
};
