import { z } from 'zod';

/**
 * Anthropic's request (https://docs.anthropic.com/en/api/messages), as far as the gateway reads it. Lenient: unknown
 * fields and blocks pass, and what chat cannot say goes to upstreams of that format alone.
 */
const BlockSchema = z.looseObject({ type: z.string() });
export type Block = z.infer<typeof BlockSchema>;

const ContentSchema = z.union([z.string(), z.array(BlockSchema)]);

export const MessagesBodySchema = z.looseObject({
  model: z.string().min(1),
  max_tokens: z.int().min(1),
  messages: z.array(z.looseObject({ role: z.enum(['user', 'assistant', 'system']), content: ContentSchema })).min(1),
  system: ContentSchema.nullish(),
  stream: z.boolean().nullish(),
  temperature: z.number().min(0).max(1).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  stop_sequences: z.array(z.string()).nullish(),
  tools: z.array(z.looseObject({ name: z.string(), type: z.string().nullish() })).nullish(),
  tool_choice: z
    .looseObject({ type: z.string(), name: z.string().nullish(), disable_parallel_tool_use: z.boolean().nullish() })
    .nullish(),
  thinking: z.looseObject({ type: z.string(), budget_tokens: z.int().nullish() }).nullish(),
  metadata: z.looseObject({ user_id: z.string().nullish() }).nullish(),
  output_config: z.looseObject({ effort: z.string().nullish(), format: z.unknown().optional() }).nullish(),
});
export type MessagesBody = z.infer<typeof MessagesBodySchema>;

/** The same without what only an answer needs, for counting its tokens. */
export const CountBodySchema = MessagesBodySchema.extend({ max_tokens: z.int().min(1).default(1) });
