import { randomUUID } from 'node:crypto';
import type { LlamaModel, Token } from 'node-llama-cpp';
import type { ChatCompletion, ChatCompletionChunk, WireMessage, WireUsage } from '../contract/openai.ts';
import type { ScoredToken } from './sampling.ts';

/** What every object of one answer shares. */
export type AnswerHead = { id: string; created: number; model: string };

export const newAnswerHead = (model: string, now: number): AnswerHead => ({
  id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
  created: Math.floor(now / 1000),
  model,
});

export const toUsage = (promptTokens: number, cachedTokens: number, completionTokens: number): WireUsage => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
  prompt_tokens_details: { cached_tokens: cachedTokens },
});

export const toCompletion = (
  { id, created, model }: AnswerHead,
  content: string,
  finishReason: string,
  logprobs: WireLogprobs | null,
  usage: WireUsage,
): ChatCompletion => ({
  id,
  object: 'chat.completion',
  created,
  model,
  choices: [
    { index: 0, message: { role: 'assistant', content, refusal: null }, finish_reason: finishReason, logprobs },
  ],
  usage,
});

export const toChunk = (
  { id, created, model }: AnswerHead,
  delta: WireMessage,
  finishReason: string | null,
  logprobs: WireLogprobs | null,
): ChatCompletionChunk => ({
  id,
  object: 'chat.completion.chunk',
  created,
  model,
  choices: [{ index: 0, delta, finish_reason: finishReason, logprobs }],
});

export type WireLogprobs = { content: WireTokenLogprob[]; refusal: null };
type WireTokenLogprob = WireScore & { top_logprobs: WireScore[] };
type WireScore = { token: string; logprob: number; bytes: number[] | null };

/** https://platform.openai.com/docs/api-reference/chat/object: what OpenAI sends when even the logarithm underflows. */
const LOWEST_LOGPROB = -9999;

export const toLogprobs = (model: LlamaModel, scores: ScoredToken[]): WireLogprobs => ({
  content: scores.map((score) => ({
    ...toScore(model, score),
    top_logprobs: score.alternatives.map((alternative) => toScore(model, alternative)),
  })),
  refusal: null,
});

const toScore = (model: LlamaModel, { token, logprob }: { token: Token; logprob: number }): WireScore => {
  const text = model.detokenize([token], true);
  // A token that is part of a character has bytes that no string can hold.
  const bytes = text.includes('\uFFFD') ? null : [...Buffer.from(text)];
  return { token: text, logprob: Math.max(LOWEST_LOGPROB, logprob), bytes };
};
