import { z } from 'zod';
import { checked, parseBody } from './chat-request.ts';
import { type EmbeddingInput, readInputs } from './embeddings.ts';
import { UsageSchema } from './openai.ts';

/** A checked request for text completion. `text` is what the client sent, byte for byte. */
export type TextCompletionRequest = {
  model: string;
  prompts: EmbeddingInput[];
  isStream: boolean;
  wantsUsage: boolean;
  streamOptions: Record<string, unknown>;
  /** The most tokens that each answer may have; OpenAI's default is 16. */
  maxTokens: number;
  text: string;
};

const MAX_PROMPTS = 2048;

const BodySchema = z.looseObject({
  model: z.string().min(1),
  prompt: z.unknown(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(0).nullish(),
  n: z.int().min(1).max(128).nullish(),
  best_of: z.int().min(0).max(20).nullish(),
  logprobs: z.int().min(0).nullish(),
});

/**
 * OpenAI's request (https://platform.openai.com/docs/api-reference/completions/create). A prompt is a text, a list of texts,
 * a list of token ids, or a list of such lists; an empty text is a prompt too. Fields that are not read here pass.
 * @throws GatewayError `invalid_json`, or `invalid_value` with the field in `param`.
 */
export const parseTextCompletionRequest = (bytes: Buffer): TextCompletionRequest => {
  const { text, body } = parseBody(bytes);
  const { model, prompt, stream, stream_options, max_tokens } = checked(BodySchema, body);
  return {
    model,
    prompts: prompt === '' ? [''] : readInputs(prompt, 'prompt', MAX_PROMPTS),
    isStream: stream === true,
    wantsUsage: stream_options?.include_usage === true,
    streamOptions: stream_options ?? {},
    maxTokens: max_tokens ?? 16,
    text,
  };
};

/** An answer, or a chunk of one: both are of this shape. */
export const TextCompletionSchema = z.looseObject({
  object: z.string().nullish(),
  choices: z.array(
    z.looseObject({
      text: z.string().nullish(),
      index: z.int().min(0).optional(),
      finish_reason: z.string().nullish(),
    }),
  ),
  usage: UsageSchema.nullish(),
});
export type TextCompletion = z.infer<typeof TextCompletionSchema>;
