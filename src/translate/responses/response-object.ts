import { ERROR_CODES, type GatewayError } from '../../contract/errors.ts';
import type { TokenCounts } from '../../contract/ledger-entry.ts';
import type { Item, ResponsesBody } from './request-body.ts';

/** What is the same in every snapshot of one response. */
export type ResponseFrame = {
  /** `resp_…`. */
  id: string;
  /** Unix seconds. */
  createdAt: number;
  model: string;
  request: ResponsesBody;
  /** Whether the gateway keeps it. */
  isStored: boolean;
};

export type ResponseState =
  | { status: 'in_progress' | 'cancelled' }
  | { status: 'completed'; tokens: TokenCounts }
  | { status: 'incomplete'; reason: 'max_output_tokens' | 'content_filter'; tokens: TokenCounts }
  | { status: 'failed'; error: GatewayError };

/** A response object (https://platform.openai.com/docs/api-reference/responses/object): the request's settings, and the answer so far. */
export const toResponseObject = (
  frame: ResponseFrame,
  state: ResponseState,
  output: Item[],
): Record<string, unknown> => {
  const { id, createdAt, model, request, isStored } = frame;
  return {
    id,
    object: 'response',
    created_at: createdAt,
    status: state.status,
    background: request.background === true,
    error: state.status === 'failed' ? toResponseError(state.error) : null,
    incomplete_details: state.status === 'incomplete' ? { reason: state.reason } : null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: request.max_tool_calls ?? null,
    model,
    output,
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: request.previous_response_id ?? null,
    prompt_cache_key: request['prompt_cache_key'] ?? null,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: request.reasoning?.summary ?? null },
    safety_identifier: request['safety_identifier'] ?? null,
    service_tier: request['service_tier'] ?? 'default',
    store: isStored,
    temperature: request.temperature ?? 1,
    text: { format: { type: 'text' }, ...withoutNulls(request.text ?? {}) },
    tool_choice: request.tool_choice ?? 'auto',
    tools: request.tools ?? [],
    top_logprobs: request.top_logprobs ?? 0,
    top_p: request.top_p ?? 1,
    truncation: request['truncation'] ?? 'disabled',
    usage: 'tokens' in state ? toResponseUsage(state.tokens) : null,
    user: request['user'] ?? null,
    metadata: request.metadata ?? {},
  };
};

export const toResponseUsage = (tokens: TokenCounts) => ({
  input_tokens: tokens.promptTokens,
  input_tokens_details: { cached_tokens: tokens.cachedTokens },
  output_tokens: tokens.completionTokens,
  output_tokens_details: { reasoning_tokens: tokens.reasoningTokens },
  total_tokens: tokens.promptTokens + tokens.completionTokens,
});

/** Codes that clients act upon keep their name; the rest is the server's fault, as OpenAI says it. */
export const toResponseError = ({ code, message }: GatewayError): { code: string; message: string } => {
  if (code === 'context_length_exceeded') return { code, message };
  if (code === 'upstream_refused') return { code: 'invalid_prompt', message };
  const isRateLimit = ERROR_CODES[code].status === 429;
  return { code: isRateLimit ? 'rate_limit_exceeded' : 'server_error', message };
};

const withoutNulls = (value: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member != null));
