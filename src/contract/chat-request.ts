import { isUtf8 } from 'node:buffer';
import type { z } from 'zod';
import { BackslashKeyError, parseJson } from '../lib/parse-json.ts';
import type { Conversation, Turn } from './conversation.ts';
import { GatewayError } from './errors.ts';
import type { NativeForm } from './native-form.ts';
import { type ChatCompletionRequest, ChatCompletionRequestSchema } from './openai.ts';

/**
 * A checked chat request. `text` is what the client sent, byte for byte: every attempt starts from it. A request that
 * came in another wire format is its translation, and `native` what was translated.
 */
export type ChatRequest = {
  model: string;
  isStream: boolean;
  /** The client asked for the usage chunk (`stream_options.include_usage`). */
  wantsUsage: boolean;
  body: ChatCompletionRequest;
  readonly text: string;
  native?: NativeForm;
  /** The conversation that it says it goes on with: its session, and the upstream that holds some of it. */
  chain?: { session: string | null; home: { upstream: string; model: string } | null };
};

/**
 * @throws GatewayError `invalid_json` when the bytes are no JSON object in UTF-8; `invalid_value` with the field in
 * `param` when a field that the gateway reads has a wrong type or range. Fields it does not read are not looked at.
 */
export const parseChatRequest = (bytes: Buffer): ChatRequest => checkChatRequest(parseBody(bytes));

/** The same of a body that is parsed. @throws GatewayError `invalid_value`. */
export const checkChatRequest = ({ text, body }: { text: string; body: Record<string, unknown> }): ChatRequest => {
  const request = checked(ChatCompletionRequestSchema, body);
  if (request.top_logprobs != null && request.logprobs !== true) {
    throw new GatewayError('invalid_value', 'top_logprobs needs logprobs to be true.', { param: 'top_logprobs' });
  }
  return {
    model: request.model,
    isStream: request.stream === true,
    wantsUsage: request.stream_options?.include_usage === true,
    body: request,
    text,
  };
};

/** The text of a request body and the object it spells. @throws GatewayError `invalid_json`, as `parseChatRequest`. */
export const parseBody = (bytes: Buffer): { text: string; body: Record<string, unknown> } => {
  if (!isUtf8(bytes)) throw new GatewayError('invalid_json', 'The request body is not valid UTF-8.');
  const text = bytes.toString('utf8');
  return { text, body: parseObject(text) };
};

/**
 * The body itself, not a copy, under the type that the schema gives it.
 * @throws GatewayError `invalid_value` that names the first field at fault.
 */
export const checked = <Body>(schema: z.ZodType<Body>, body: Record<string, unknown>): Body => {
  const result = schema.safeParse(body);
  if (!result.success) throw firstProblem(result.error.issues, body);
  return body as Body;
};

const parseObject = (text: string): Record<string, unknown> => {
  if (text.trim() === '') throw new GatewayError('invalid_json', 'The request body is empty; send a JSON object.');
  let body: unknown;
  try {
    body = parseJson(text);
  } catch (cause) {
    if (cause instanceof BackslashKeyError) {
      throw new GatewayError('invalid_value', `The request is not supported: ${cause.message}.`, { cause });
    }
    // V8's message quotes the text around the fault; only its position may leave, for prompts stay private.
    const { message } = cause as Error;
    const position = /at position \d+( \(line \d+ column \d+\))?/.exec(message)?.[0];
    const place = position ?? (message.startsWith('Unexpected end') ? 'at its end' : 'before its end');
    throw new GatewayError('invalid_json', `The request body is not valid JSON: syntax error ${place}.`);
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new GatewayError('invalid_json', 'The request body must be a JSON object.');
  }
  return body as Record<string, unknown>;
};

type Issue = { path: PropertyKey[]; message: string; code?: string };

const firstProblem = (issues: Issue[], body: unknown): GatewayError => {
  const issue = issues[0] ?? { path: [], message: 'invalid' };
  const param = issue.path.reduce<string>(
    (path, key) => (typeof key === 'number' ? `${path}[${key}]` : path ? `${path}.${String(key)}` : String(key)),
    '',
  );
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], body);
  if (value === undefined)
    return new GatewayError('invalid_value', `Missing required parameter: '${param}'.`, { param });
  return new GatewayError('invalid_value', `Invalid value for '${param}': ${issue.message}.`, { param });
};

/** Text of a message's content; parts other than text are left out. */
export const messageText = (content: ChatCompletionRequest['messages'][number]['content']): string =>
  typeof content === 'string'
    ? content
    : (content ?? []).map((part) => (part.type === 'text' ? (part.text ?? '') : '')).join('\n');

const TURN_ROLE = {
  developer: 'system',
  system: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
  function: 'tool',
} as const;

/** A chat request's body as the classifier reads it. */
export const toConversation = (
  body: Pick<ChatCompletionRequest, 'messages' | 'tools' | 'functions' | 'response_format' | 'reasoning_effort'>,
): Conversation => ({
  turns: body.messages.map((message): Turn => ({ role: TURN_ROLE[message.role], text: messageText(message.content) })),
  toolCount: (body.tools?.length ?? 0) + (body.functions?.length ?? 0),
  imageCount: countParts(body, 'image_url'),
  wantsJson: wantsJson(body),
  reasoningEffort: body.reasoning_effort ?? null,
});

/** How many content parts of this type the messages hold. */
export const countParts = (body: Pick<ChatCompletionRequest, 'messages'>, type: string): number =>
  body.messages.reduce(
    (sum, { content }) => sum + (Array.isArray(content) ? content.filter((part) => part.type === type).length : 0),
    0,
  );

export const wantsJson = (body: Pick<ChatCompletionRequest, 'response_format'>): boolean =>
  body.response_format != null && body.response_format.type !== 'text';
