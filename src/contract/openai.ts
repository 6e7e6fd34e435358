import { z } from 'zod';

/**
 * The wire shapes of chat completions (https://platform.openai.com/docs/api-reference/chat), as far as the gateway reads
 * them. Lenient on purpose: unknown fields pass, and `null` means absent, as the official SDKs type it.
 */
const ContentPartSchema = z.looseObject({ type: z.string(), text: z.string().nullish() });

const ToolCallSchema = z.looseObject({
  id: z.string().nullish(),
  function: z.looseObject({ name: z.string(), arguments: z.string() }).nullish(),
});

export const ChatMessageSchema = z.looseObject({
  role: z.enum(['developer', 'system', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(ContentPartSchema)]).nullish(),
  tool_calls: z.array(ToolCallSchema).nullish(),
  tool_call_id: z.string().nullish(),
  name: z.string().nullish(),
});
export type ChatMessage = z.infer<typeof ChatMessageSchema>;

const positiveInteger = z.int().min(1).nullish();

export const ChatCompletionRequestSchema = z.looseObject({
  model: z.string().min(1),
  messages: z.array(ChatMessageSchema).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: positiveInteger,
  max_completion_tokens: positiveInteger,
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  n: z.int().min(1).max(128).nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  // 64 bits, so it may be beyond what a double holds exactly; it is sent on as it was written.
  seed: z.number().refine(Number.isInteger, 'expected an integer').nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  tools: z.array(z.looseObject({ type: z.string() })).nullish(),
  functions: z.array(z.looseObject({ name: z.string() })).nullish(),
  response_format: z.looseObject({ type: z.string() }).nullish(),
  reasoning_effort: z.string().nullish(),
  modalities: z.array(z.string()).nullish(),
});
export type ChatCompletionRequest = z.infer<typeof ChatCompletionRequestSchema>;

const count = z.number().nonnegative().nullish();

export const UsageSchema = z.looseObject({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: z.looseObject({ cached_tokens: count }).nullish(),
  completion_tokens_details: z.looseObject({ reasoning_tokens: count }).nullish(),
});
export type WireUsage = z.infer<typeof UsageSchema>;

export type WireToolCall = {
  index?: number;
  id?: string;
  type?: string;
  function?: { name?: string; arguments?: string };
};
export type WireMessage = {
  role?: string;
  content?: string | null;
  refusal?: string | null;
  tool_calls?: WireToolCall[] | null;
  reasoning_content?: string | null;
  reasoning?: string | null;
  [extra: string]: unknown;
};
/** A plain answer; extra keys are the provider's own and are kept. */
export type ChatCompletion = {
  id: string;
  object: 'chat.completion';
  created: number;
  model: string;
  choices: { index: number; message: WireMessage; finish_reason: string | null; [extra: string]: unknown }[];
  usage?: WireUsage | null;
  [extra: string]: unknown;
};
/** One `data:` of a streamed answer. */
export type ChatCompletionChunk = {
  id: string;
  object: 'chat.completion.chunk';
  created: number;
  model: string;
  choices: { index: number; delta: WireMessage; finish_reason?: string | null; [extra: string]: unknown }[];
  usage?: WireUsage | null;
  [extra: string]: unknown;
};
