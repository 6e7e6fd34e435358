import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { GatewayError } from '../contract/errors.ts';
import { ChatCompletionRequestSchema } from '../contract/openai.ts';
import type { Sampling } from './sampling.ts';
import { refuseUnsupported } from './unsupported.ts';

/** The wire's request with what only local engines know beside it. */
const LocalChatRequestSchema = ChatCompletionRequestSchema.extend({
  top_k: z.int().min(0).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  stream_options: z
    .looseObject({ include_usage: z.boolean().nullish(), continuous_usage_stats: z.boolean().nullish() })
    .nullish(),
});
export type LocalChatRequest = z.infer<typeof LocalChatRequestSchema>;

const MAX_STOPS = 4;

/**
 * A request body, checked.
 * @throws GatewayError `invalid_json`, `invalid_value` (both naming what is wrong) or `unsupported_parameter`.
 */
export const parseChatRequest = (body: string): LocalChatRequest => {
  const result = LocalChatRequestSchema.safeParse(parseJson(body));
  if (!result.success) {
    const issue = result.error.issues[0]!;
    const param = z.core.toDotPath(issue.path);
    throw invalid(`${param || 'body'}: ${issue.message}`, param);
  }
  const request = result.data;
  refuseUnsupported(request);
  if (toStops(request).length > MAX_STOPS) throw invalid(`stop: at most ${MAX_STOPS} strings`, 'stop');
  if (request.top_logprobs && !request.logprobs) throw invalid('top_logprobs needs logprobs: true', 'top_logprobs');
  return request;
};

export const toStops = ({ stop }: LocalChatRequest): string[] => (typeof stop === 'string' ? [stop] : (stop ?? []));

/** OpenAI's defaults, which are not the engine's; a request without a seed gets one by chance. */
export const toSampling = (request: LocalChatRequest): Sampling => ({
  temperature: request.temperature ?? 1,
  topP: request.top_p ?? 1,
  topK: request.top_k ?? 0,
  minP: request.min_p ?? 0,
  frequencyPenalty: request.frequency_penalty ?? 0,
  presencePenalty: request.presence_penalty ?? 0,
  seed: request.seed == null ? randomInt(2 ** 32) : Number(BigInt.asUintN(32, BigInt(request.seed))),
});

const parseJson = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new GatewayError('invalid_json', `The body is not valid JSON: ${(error as Error).message}`);
  }
};

const invalid = (message: string, param: string): GatewayError =>
  new GatewayError('invalid_value', message, param === '' ? {} : { param });
