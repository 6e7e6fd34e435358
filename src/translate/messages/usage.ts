import type { TokenCounts } from '../../contract/ledger-entry.ts';
import type { WireUsage } from '../../contract/openai.ts';

/** Anthropic's counts: its input is what came neither from the cache nor went into it. */
export type MessagesUsage = {
  input_tokens: number;
  output_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
};

export const toMessagesUsage = (tokens: TokenCounts): MessagesUsage => ({
  input_tokens: tokens.promptTokens - tokens.cachedTokens - tokens.cacheWriteTokens,
  output_tokens: tokens.completionTokens,
  cache_creation_input_tokens: tokens.cacheWriteTokens,
  cache_read_input_tokens: tokens.cachedTokens,
});

/** The same as chat counts. Of what an event leaves out, the count before it holds. */
export const toChatUsage = (usage: Partial<Record<keyof MessagesUsage, unknown>>): WireUsage => {
  const count = (value: unknown) => (typeof value === 'number' ? value : 0);
  const cached = count(usage.cache_read_input_tokens);
  const written = count(usage.cache_creation_input_tokens);
  const prompt = count(usage.input_tokens) + cached + written;
  const completion = count(usage.output_tokens);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
  };
};
