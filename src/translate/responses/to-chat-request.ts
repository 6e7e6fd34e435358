import { GatewayError } from '../../contract/errors.ts';
import type { NativeNeed } from '../../contract/native-form.ts';
import type { ChatCompletionRequest } from '../../contract/openai.ts';
import { readInput } from './read-input.ts';
import { readTools, type ToolKind } from './read-tools.ts';
import type { Item, ResponsesBody } from './request-body.ts';

export type TranslatedRequest = {
  /** The chat request as the gateway reads it. */
  body: ChatCompletionRequest;
  /** The same without what only the gateway reads: what a chat upstream is sent. */
  wire: Record<string, unknown>;
  /** What tools are to the client, by name. */
  kinds: ReadonlyMap<string, ToolKind>;
  /** The first thing that chat cannot say; null where it can say all. */
  need: NativeNeed | null;
};

/** Fields that have another name or shape in chat, or no meaning there. Everything else passes as it is. */
const OWN_FIELDS = new Set([
  'input',
  'instructions',
  'previous_response_id',
  'conversation',
  'prompt',
  'store',
  'background',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'max_output_tokens',
  'max_tool_calls',
  'reasoning',
  'text',
  'top_logprobs',
  'include',
  'truncation',
  'stream_options',
  'metadata',
  'context_management',
  'moderation',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
  'safety_identifier',
]);

/** What the gateway reads of them all the same, but no chat upstream is told: many refuse a field they do not know. */
const READ_BY_US = ['metadata', 'prompt_cache_key', 'safety_identifier'] as const;

/** Fields that change what is answered and have no counterpart in chat. */
const NEEDS_NATIVE = ['conversation', 'prompt', 'context_management', 'moderation'] as const;

/**
 * A request for responses as a request for chat.
 * @param own its input, with what it refers to in the place of references.
 * @param context items of the responses it goes on from, oldest first.
 * @throws GatewayError `invalid_value`.
 */
export const toChatRequest = (
  body: ResponsesBody,
  own: readonly Item[],
  context: readonly Item[],
): TranslatedRequest => {
  if (body.input == null && body.prompt == null) {
    throw new GatewayError('invalid_value', "Missing required parameter: 'input'.", { param: 'input' });
  }
  const field = NEEDS_NATIVE.find((name) => body[name] != null);
  const input = readInput([
    ...context.map((item) => ({ item, param: 'previous_response_id' })),
    ...own.map((item, index) => ({ item, param: typeof body.input === 'string' ? 'input' : `input[${index}]` })),
  ]);
  const tools = readTools(body);
  const instructions = body.instructions ? [{ role: 'system', content: body.instructions }] : [];
  const messages = [...instructions, ...input.messages];
  const need =
    (field === undefined ? null : { param: field, what: `The field \`${field}\`` }) ?? tools.need ?? input.need;
  if (messages.length === 0 && need === null) {
    throw new GatewayError('invalid_value', "Invalid value for 'input': it holds nothing to answer.", {
      param: 'input',
    });
  }
  const others = Object.fromEntries(
    Object.entries(body).filter(([name, value]) => !OWN_FIELDS.has(name) && value !== null),
  );
  const wire = { ...others, messages, ...tools.fields, ...renamedFields(body) };
  const read = Object.fromEntries(READ_BY_US.flatMap((name) => (body[name] == null ? [] : [[name, body[name]]])));
  return { body: { ...wire, ...read } as unknown as ChatCompletionRequest, wire, kinds: tools.kinds, need };
};

const renamedFields = (body: ResponsesBody): Record<string, unknown> => {
  const format = body.text?.format;
  const wantsLogprobs = body.include?.includes('message.output_text.logprobs') || (body.top_logprobs ?? 0) > 0;
  return {
    ...(body.max_output_tokens != null && { max_tokens: body.max_output_tokens }),
    ...(body.reasoning?.effort != null && { reasoning_effort: body.reasoning.effort }),
    ...(body.text?.verbosity != null && { verbosity: body.text.verbosity }),
    ...(format != null && format.type !== 'text' && { response_format: toResponseFormat(format) }),
    ...(wantsLogprobs && { logprobs: true, top_logprobs: body.top_logprobs ?? 0 }),
  };
};

/** The schema stands flat here and nested in chat. */
const toResponseFormat = ({ type, ...rest }: { type: string; [key: string]: unknown }): unknown => {
  if (type !== 'json_schema') return { type };
  return { type, json_schema: Object.fromEntries(Object.entries(rest).filter(([, value]) => value != null)) };
};
