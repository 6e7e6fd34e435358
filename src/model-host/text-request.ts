import { z } from 'zod';
import { GatewayError } from '../contract/errors.ts';
import { parseBody } from './request-body.ts';
import { unsupported } from './unsupported.ts';

/** OpenAI's default: enough to go on with a line of code. */
const DEFAULT_TOKENS = 16;
const MAX_ANSWERS = 128;
const MAX_STOPS = 4;

const TextRequestSchema = z.looseObject({
  model: z.string(),
  prompt: z.unknown(),
  max_tokens: z.int().min(1).nullish(),
  n: z.int().min(1).max(MAX_ANSWERS).nullish(),
  best_of: z.int().min(0).max(20).nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.int().min(0).max(5).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(MAX_STOPS)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  seed: z.number().refine(Number.isInteger, 'expected an integer').nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
});

export type TextRequest = z.infer<typeof TextRequestSchema> & { prompts: string[]; maxTokens: number };

/**
 * OpenAI's request for text completion (https://platform.openai.com/docs/api-reference/completions/create), except for
 * token ids, which are of another tokenizer, and for what is refused by name.
 * @throws GatewayError that names the field.
 */
export const parseTextRequest = (text: string): TextRequest => {
  const request = parseBody(TextRequestSchema, text);
  if (request['suffix'] != null && request['suffix'] !== '') throw unsupported('suffix');
  if ((request.best_of ?? 0) > (request.n ?? 1)) throw unsupported('best_of');
  if (request['logit_bias'] != null && Object.keys(request['logit_bias']).length > 0) throw unsupported('logit_bias');
  const { prompt } = request;
  const prompts = Array.isArray(prompt) ? prompt : [prompt];
  if (prompts.length === 0 || prompts.some((each) => typeof each !== 'string')) {
    throw new GatewayError('invalid_value', 'prompt must be a string or a list of strings.', { param: 'prompt' });
  }
  if (prompts.length * (request.n ?? 1) > MAX_ANSWERS) {
    throw new GatewayError('invalid_value', `At most ${MAX_ANSWERS} answers in one request.`, { param: 'prompt' });
  }
  return { ...request, prompts: prompts as string[], maxTokens: request.max_tokens ?? DEFAULT_TOKENS };
};
