import { createParser } from 'eventsource-parser';
import type { TokenCounts } from '../contract/ledger-entry.ts';
import type { WireUsage } from '../contract/openai.ts';
import { tokensFromUsage } from './tokens.ts';

/** Of an answer that passes by no more than this is kept to look for its usage: a JSON body, or one event of a stream. */
const MAX_KEPT_CHARACTERS = 1024 * 1024;

/**
 * Looks for the usage in an answer that passes by: at the end of a JSON body, or in the events of a stream, the last one
 * counting. Reads chat's names and those of the newer endpoints (`input_tokens`). An answer beyond the bound has none.
 */
export class UsageTap {
  readonly #decoder = new TextDecoder();
  readonly #kind: 'json' | 'events' | 'other';
  readonly #parser;
  #kept = '';
  #isTooLong = false;
  #tokens: TokenCounts | null = null;
  #serviceTier: string | null = null;

  constructor(contentType: string) {
    this.#kind = contentType.includes('json') ? 'json' : contentType.includes('text/event-stream') ? 'events' : 'other';
    this.#parser = createParser({
      maxBufferSize: MAX_KEPT_CHARACTERS,
      onEvent: ({ data }) => {
        if (data.includes('"usage"')) this.#read(data);
      },
      onError: ({ type }) => {
        this.#isTooLong ||= type === 'max-buffer-size-exceeded';
      },
    });
  }

  add(piece: Uint8Array): void {
    if (this.#kind === 'other' || this.#isTooLong) return;
    const text = this.#decoder.decode(piece, { stream: true });
    if (this.#kind === 'events') {
      this.#parser.feed(text);
      return;
    }
    this.#kept += text;
    this.#isTooLong = this.#kept.length > MAX_KEPT_CHARACTERS;
    if (this.#isTooLong) this.#kept = '';
  }

  /** What was counted; null where the answer does not say. Call it at the end. */
  get tokens(): TokenCounts | null {
    if (this.#kind === 'json' && !this.#isTooLong && this.#kept !== '') this.#read(this.#kept);
    return this.#tokens;
  }

  /** The `service_tier` beside that usage. Read it after `tokens`. */
  get serviceTier(): string | null {
    return this.#serviceTier;
  }

  #read(text: string): void {
    try {
      type Said = { usage?: unknown; service_tier?: unknown };
      const value = JSON.parse(text) as (Said & { response?: Said }) | null;
      const said = value?.usage == null ? value?.response : value;
      const usage = said?.usage;
      if (typeof usage === 'object' && usage !== null) {
        if (typeof said?.service_tier === 'string') this.#serviceTier = said.service_tier;
        this.#tokens = tokensFromUsage(toChatNames(usage as Record<string, never>)) ?? this.#tokens;
      }
    } catch {
      // Not JSON after all: nothing to count.
    }
  }
}

const toChatNames = (usage: Record<string, never>): WireUsage => ({
  prompt_tokens: usage['prompt_tokens'] ?? usage['input_tokens'],
  completion_tokens: usage['completion_tokens'] ?? usage['output_tokens'] ?? 0,
  total_tokens: usage['total_tokens'],
  prompt_tokens_details: usage['prompt_tokens_details'] ?? usage['input_tokens_details'],
  completion_tokens_details: usage['completion_tokens_details'] ?? usage['output_tokens_details'],
});
