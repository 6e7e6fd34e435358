/**
 * Every way a request can fail, as a stable code. `docs/errors.md` explains each; a test keeps the two equal.
 * The codes that clients already know keep OpenAI's spelling (https://platform.openai.com/docs/guides/error-codes).
 */
export const ERROR_CODES = {
  malformed_http: { status: 400, type: 'invalid_request_error' },
  invalid_json: { status: 400, type: 'invalid_request_error' },
  invalid_value: { status: 400, type: 'invalid_request_error' },
  unsupported_parameter: { status: 400, type: 'invalid_request_error' },
  context_length_exceeded: { status: 400, type: 'invalid_request_error' },
  previous_response_not_found: { status: 400, type: 'invalid_request_error' },
  invalid_api_key: { status: 401, type: 'invalid_request_error' },
  not_allowed: { status: 403, type: 'invalid_request_error' },
  route_not_allowed: { status: 403, type: 'invalid_request_error' },
  model_not_allowed: { status: 403, type: 'invalid_request_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  not_found: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  body_too_large: { status: 413, type: 'invalid_request_error' },
  body_timeout: { status: 408, type: 'invalid_request_error' },
  changed_meanwhile: { status: 412, type: 'invalid_request_error' },
  idempotency_key_in_use: { status: 409, type: 'invalid_request_error' },
  config_invalid: { status: 422, type: 'invalid_request_error' },
  idempotency_key_reused: { status: 422, type: 'invalid_request_error' },
  rate_limit_exceeded: { status: 429, type: 'requests' },
  insufficient_quota: { status: 429, type: 'insufficient_quota' },
  client_closed_request: { status: 499, type: 'invalid_request_error' },
  internal_error: { status: 500, type: 'server_error' },
  upstream_error: { status: 502, type: 'server_error' },
  upstream_rejected_key: { status: 502, type: 'server_error' },
  upstream_invalid_response: { status: 502, type: 'server_error' },
  upstream_unreachable: { status: 502, type: 'server_error' },
  upstream_interrupted: { status: 502, type: 'server_error' },
  upstream_rate_limited: { status: 429, type: 'requests' },
  report_unavailable: { status: 503, type: 'service_unavailable_error' },
  key_store_unavailable: { status: 503, type: 'service_unavailable_error' },
  response_store_unavailable: { status: 503, type: 'service_unavailable_error' },
  cache_unavailable: { status: 503, type: 'service_unavailable_error' },
  no_upstream_available: { status: 503, type: 'service_unavailable_error' },
  not_cached: { status: 504, type: 'invalid_request_error' },
  upstream_connect_timeout: { status: 504, type: 'server_error' },
  upstream_first_byte_timeout: { status: 504, type: 'server_error' },
  upstream_idle_timeout: { status: 504, type: 'server_error' },
  upstream_total_timeout: { status: 504, type: 'server_error' },
  /** The upstream judged the request itself wrong; its status and its own body go to the client unchanged. */
  upstream_refused: { status: 400, type: 'invalid_request_error' },
} as const satisfies Record<string, { status: number; type: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

export type GatewayErrorOptions = {
  /** The request field at fault, e.g. `messages[2].content`. */
  param?: string;
  /** Whether another upstream may succeed where this one failed. Decided where the error is made. */
  isRetryable?: boolean;
  retryAfterSeconds?: number;
  /** The same, where it is known to the millisecond; seconds are rounded up from it. */
  retryAfterMs?: number;
  /** What clients are told in so many words; left to them where it is not given. */
  shouldRetry?: boolean;
  /** HTTP status that an upstream answered with. */
  upstreamStatus?: number;
  /** An upstream's own error answer, relayed verbatim to the client in place of our envelope. */
  relay?: { status: number; body: string; contentType: string };
  cause?: unknown;
};

/** The one error type of the gateway: `code` is for machines, `message` is fit for clients, `cause` is for operators. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly isRetryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly shouldRetry: boolean | undefined;
  readonly upstreamStatus: number | undefined;
  readonly relay: GatewayErrorOptions['relay'];

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.param = options.param ?? null;
    this.isRetryable = options.isRetryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.retryAfterSeconds =
      options.retryAfterSeconds ??
      (options.retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(options.retryAfterMs / 1_000)));
    this.shouldRetry = options.shouldRetry;
    this.upstreamStatus = options.upstreamStatus;
    this.relay = options.relay;
  }

  get status(): number {
    return this.relay?.status ?? ERROR_CODES[this.code].status;
  }

  /** OpenAI's error object, exactly its four keys. */
  toEnvelope(): { error: { message: string; type: string; param: string | null; code: ErrorCode } } {
    return { error: { message: this.message, type: ERROR_CODES[this.code].type, param: this.param, code: this.code } };
  }
}

/**
 * Any thrown value as a GatewayError; what we did not foresee becomes `internal_error`, its text kept from the client.
 * Only a request nested thousands deep makes recursion run out of stack, so that is the request's fault.
 */
export const toGatewayError = (error: unknown): GatewayError => {
  if (error instanceof GatewayError) return error;
  if (error instanceof RangeError && error.message.includes('call stack')) {
    return new GatewayError('invalid_value', 'The request is nested too deeply.', { cause: error });
  }
  return new GatewayError('internal_error', 'The gateway failed to handle this request.', { cause: error });
};
