import type { TokenCounts } from '../contract/ledger-entry.ts';
import type { WireUsage } from '../contract/openai.ts';

export const NO_TOKENS: TokenCounts = {
  promptTokens: 0,
  cachedTokens: 0,
  cacheWriteTokens: 0,
  audioPromptTokens: 0,
  completionTokens: 0,
  reasoningTokens: 0,
  audioCompletionTokens: 0,
  isEstimated: false,
};

/** Field by field; the sum is estimated when either part is. */
export const addTokens = (a: TokenCounts, b: TokenCounts): TokenCounts => ({
  promptTokens: a.promptTokens + b.promptTokens,
  cachedTokens: a.cachedTokens + b.cachedTokens,
  cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
  audioPromptTokens: a.audioPromptTokens + b.audioPromptTokens,
  completionTokens: a.completionTokens + b.completionTokens,
  reasoningTokens: a.reasoningTokens + b.reasoningTokens,
  audioCompletionTokens: a.audioCompletionTokens + b.audioCompletionTokens,
  isEstimated: a.isEstimated || b.isEstimated,
});

/** Above what any model reads or writes at once: a count beyond it is a fault of the upstream. */
const MAX_TOKENS = 100_000_000;

/**
 * An upstream's own counts, or null when they cannot be relied on and must be estimated: negative, fractional, above
 * 100 million, one side missing (and not given by the total), or both zero, as some servers say for "not counted".
 *
 * A total above the sum of both sides is output that the provider counts apart and bills as output: xAI leaves reasoning
 * out of `completion_tokens` (https://docs.x.ai/docs/key-information/consumption-and-rate-limits, as quoted in
 * https://github.com/vercel/ai/pull/12425), Gemini its thoughts (https://github.com/mozilla-ai/any-llm/issues/1290).
 * Each count of a detail is kept within what is left of its side. Tokens written to a provider's cache are
 * `cache_write_tokens` at OpenRouter (https://openrouter.ai/docs/use-cases/usage-accounting), and
 * `cache_creation_input_tokens` where a proxy passes Anthropic's name on.
 */
export const tokensFromUsage = (usage: WireUsage): TokenCounts | null => {
  const total = usage.total_tokens;
  const prompt = usage.prompt_tokens ?? less(total, usage.completion_tokens);
  const saidCompletion = usage.completion_tokens ?? less(total, prompt);
  if (!isCount(prompt) || !isCount(saidCompletion) || prompt + saidCompletion === 0) return null;
  const apart = isCount(total) ? Math.max(0, total - prompt - saidCompletion) : 0;
  const completion = saidCompletion + apart;
  const input = usage.prompt_tokens_details;
  const output = usage.completion_tokens_details;
  const cachedTokens = within(input?.cached_tokens ?? 0, prompt);
  const written = input?.['cache_write_tokens'] ?? usage['cache_creation_input_tokens'] ?? 0;
  const cacheWriteTokens = within(written, prompt - cachedTokens);
  const reasoningTokens = within(output?.reasoning_tokens ?? apart, completion);
  return {
    promptTokens: prompt,
    cachedTokens,
    cacheWriteTokens,
    audioPromptTokens: within(input?.['audio_tokens'] ?? 0, prompt - cachedTokens - cacheWriteTokens),
    completionTokens: completion,
    reasoningTokens,
    audioCompletionTokens: within(output?.['audio_tokens'] ?? 0, completion - reasoningTokens),
    isEstimated: false,
  };
};

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MAX_TOKENS;

const less = (total: number | null | undefined, part: number | null | undefined) =>
  isCount(total) && isCount(part) ? total - part : undefined;

const within = (value: unknown, limit: number) => (isCount(value) ? Math.min(value, limit) : 0);
