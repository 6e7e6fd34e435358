import { z } from 'zod';

/**
 * The body of `POST /v1/responses` (https://platform.openai.com/docs/api-reference/responses/create), as far as the
 * gateway reads it. Lenient as the schema of chat: unknown fields pass, and `null` means absent.
 */
const text = z.string().nullish();

export const ResponsesBodySchema = z.looseObject({
  model: z.string().min(1),
  input: z.union([z.string(), z.array(z.looseObject({ type: text, id: text }))]).nullish(),
  instructions: text,
  previous_response_id: text,
  conversation: z.union([z.string(), z.looseObject({ id: z.string() })]).nullish(),
  prompt: z.looseObject({ id: z.string() }).nullish(),
  stream: z.boolean().nullish(),
  store: z.boolean().nullish(),
  background: z.boolean().nullish(),
  tools: z.array(z.looseObject({ type: z.string() })).nullish(),
  tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  max_tool_calls: z.int().min(1).nullish(),
  reasoning: z.looseObject({ effort: text, summary: text }).nullish(),
  text: z.looseObject({ format: z.looseObject({ type: z.string() }).nullish(), verbosity: text }).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  include: z.array(z.string()).nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});
export type ResponsesBody = z.infer<typeof ResponsesBodySchema>;

/** One item of a request's input or of an answer's output. */
export type Item = { type?: string | null | undefined; id?: string | null | undefined; [key: string]: unknown };

/** The input as items: a bare text is what the user says. */
export const inputItems = ({ input }: Pick<ResponsesBody, 'input'>): Item[] =>
  typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : (input ?? []);
