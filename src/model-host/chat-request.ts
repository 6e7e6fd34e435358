import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { GatewayError } from '../contract/errors.ts';
import { ChatCompletionRequestSchema } from '../contract/openai.ts';
import type { Sampling } from './sampling.ts';
import { refuseUnsupported } from './unsupported.ts';

const MAX_CONFIDENCE_TOKENS = 256;
const DEFAULT_CONFIDENCE_TOKENS = 24;

/** The wire's request with what only local engines know beside it. */
const LocalChatRequestSchema = ChatCompletionRequestSchema.extend({
  top_k: z.int().min(0).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  chat_template_kwargs: z.record(z.string(), z.unknown()).nullish(),
  /** Asks how sure the model was over its first tokens; see docs/model-host.md. */
  rightsize_confidence: z
    .object({ tokens: z.int().min(1).max(MAX_CONFIDENCE_TOKENS).default(DEFAULT_CONFIDENCE_TOKENS) })
    .nullish(),
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
  if (request.rightsize_confidence && (request.n ?? 1) > 1) {
    throw invalid('rightsize_confidence is told of one answer only: n must be 1', 'rightsize_confidence');
  }
  return request;
};

export const toStops = ({ stop }: LocalChatRequest): string[] => (typeof stop === 'string' ? [stop] : (stop ?? []));

/**
 * OpenAI's defaults, which are not the engine's; a request without a seed gets one by chance.
 * @param index of the answer among `n`; each draws its own.
 */
export const toSampling = (request: LocalChatRequest, index: number, chance = randomInt(2 ** 32)): Sampling => ({
  temperature: request.temperature ?? 1,
  topP: request.top_p ?? 1,
  topK: request.top_k ?? 0,
  minP: request.min_p ?? 0,
  frequencyPenalty: request.frequency_penalty ?? 0,
  presencePenalty: request.presence_penalty ?? 0,
  seed: Number(BigInt.asUintN(32, BigInt(request.seed ?? chance) + BigInt(index))),
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
