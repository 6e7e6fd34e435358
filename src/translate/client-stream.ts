import type { TokenCounts } from '../contract/ledger-entry.ts';
import type { ChatCompletionChunk } from '../contract/openai.ts';
import type { StreamPart } from '../contract/stream-part.ts';

/** One `data:` event (https://html.spec.whatwg.org/multipage/server-sent-events.html). No `id:`, `retry:` or names: clients break on them. */
export const toEvent = (data: string): string => `data: ${data}\n\n`;

/** A comment, the only heartbeat that every client ignores. */
export const toComment = (text: string): string => `: ${text}\n\n`;

export const DONE_EVENT = toEvent('[DONE]');

/**
 * Turns parts into the events of a client that did or did not ask for usage. We always ask the upstream, so its usage
 * chunk is dropped where the client did not, and running usage never stands on content chunks: clients hold those back.
 */
export const createClientEvents = (wantsUsage: boolean) => {
  let hasSentUsage = false;
  let last: ChatCompletionChunk | null = null;
  return {
    events(parts: StreamPart[]): string {
      let events = '';
      for (const { text, chunk } of parts) {
        last = chunk;
        if (chunk.choices.length === 0 && chunk.usage != null) {
          if (!wantsUsage || hasSentUsage) continue;
          hasSentUsage = true;
          events += toEvent(text);
        } else if (chunk.usage != null) {
          events += toEvent(JSON.stringify({ ...chunk, usage: wantsUsage ? null : undefined }));
        } else {
          events += toEvent(text);
        }
      }
      return events;
    },
    /** The usage chunk that the client asked for and the upstream left out; empty when there is nothing to add. */
    missingUsage(tokens: TokenCounts): string {
      if (!wantsUsage || hasSentUsage || last === null) return '';
      const { id, created, model } = last;
      return toEvent(
        JSON.stringify({
          id,
          object: 'chat.completion.chunk',
          created,
          model,
          choices: [],
          usage: toWireUsage(tokens),
        }),
      );
    },
  };
};

/** Token counts in OpenAI's shape. */
export const toWireUsage = (tokens: TokenCounts) => ({
  prompt_tokens: tokens.promptTokens,
  completion_tokens: tokens.completionTokens,
  total_tokens: tokens.promptTokens + tokens.completionTokens,
  prompt_tokens_details: { cached_tokens: tokens.cachedTokens },
  completion_tokens_details: { reasoning_tokens: tokens.reasoningTokens },
});
