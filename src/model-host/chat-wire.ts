import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { LlamaModel } from 'node-llama-cpp';
import type { ChatCompletionChunk, WireMessage, WireUsage } from '../contract/openai.ts';
import type { AnswerDelta } from './answer-reader.ts';
import type { ModelFacts } from './loaded-model.ts';
import { toTokenBytes } from './token-bytes.ts';
import type { RankedToken, TokenScore } from './token-score.ts';

/** What every object of one answer shares. */
export type AnswerHead = { id: string; created: number; model: string; system_fingerprint: string };

export const newAnswerHead = (model: string, facts: ModelFacts, now: number): AnswerHead => ({
  id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
  created: Math.floor(now / 1000),
  model,
  system_fingerprint: `fp_${createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 10)}`,
});

export type TokenCounts = { prompt: number; cached: number; completion: number; reasoning: number };

export const toUsage = ({ prompt, cached, completion, reasoning }: TokenCounts): WireUsage => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
  prompt_tokens_details: { cached_tokens: cached },
  completion_tokens_details: { reasoning_tokens: reasoning },
});

export type ChunkRest = Omit<ChatCompletionChunk, keyof AnswerHead | 'object'>;

/** Chunks of one answer as JSON; what they share is put into words once, not with each token. */
export const chunkWriter = (head: AnswerHead): ((rest: ChunkRest) => string) => {
  const opening = JSON.stringify({ ...head, object: 'chat.completion.chunk' }).slice(0, -1);
  return (rest) => `${opening},${JSON.stringify(rest).slice(1)}`;
};

export const toChunkChoice = (
  index: number,
  delta: WireMessage,
  finishReason: string | null,
  logprobs: WireLogprobs | null,
): ChatCompletionChunk['choices'][number] => ({ index, delta, finish_reason: finishReason, logprobs });

/** @param isLegacy writes a call into the deprecated `function_call`. */
export const toWireDelta = (delta: AnswerDelta, isLegacy: boolean): WireMessage => {
  switch (delta.type) {
    case 'content':
      return { content: delta.text };
    case 'reasoning':
      return { reasoning_content: delta.text };
    case 'call-start': {
      if (isLegacy) return { function_call: { name: delta.name, arguments: '' } };
      const call = { name: delta.name, arguments: '' };
      return { tool_calls: [{ index: delta.index, id: newCallId(), type: 'function', function: call }] };
    }
    case 'arguments-delta':
      if (isLegacy) return { function_call: { arguments: delta.text } };
      return { tool_calls: [{ index: delta.index, function: { arguments: delta.text } }] };
    default:
      return delta satisfies never;
  }
};

export type WireLogprobs = { content: WireTokenLogprob[]; refusal: null };
type WireTokenLogprob = WireScore & { top_logprobs: WireScore[] };
type WireScore = { token: string; logprob: number; bytes: number[] | null };

/** https://platform.openai.com/docs/api-reference/chat/object: what OpenAI sends when even the logarithm underflows. */
const LOWEST_LOGPROB = -9999;

export const toLogprobs = (model: LlamaModel, scores: TokenScore[], alternatives: number): WireLogprobs => ({
  content: scores.map((score) => ({
    ...toScore(model, score),
    top_logprobs: score.ranked.slice(0, alternatives).map((alternative) => toScore(model, alternative)),
  })),
  refusal: null,
});

const toScore = (model: LlamaModel, { token, logprob }: RankedToken): WireScore => ({
  token: model.detokenize([token], true),
  logprob: Math.max(LOWEST_LOGPROB, logprob),
  bytes: toTokenBytes(model, token),
});

const newCallId = (): string => `call_${randomBytes(18).toString('base64url').replaceAll(/[-_]/g, 'x')}`;
