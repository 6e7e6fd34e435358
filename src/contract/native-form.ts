import type { ChatCompletion, ChatCompletionChunk } from './openai.ts';
import type { Api } from './vocabulary.ts';

/** What of a request cannot be said in chat completions. */
export type NativeNeed = {
  /** The field at fault, e.g. `tools[0]`. */
  param: string;
  /** The same in words that begin a sentence, e.g. `The tool "web_search"`. */
  what: string;
};

/** Where one attempt in the client's own wire format goes. */
export type NativeTarget = {
  upstream: string;
  model: string;
  isStream: boolean;
  /** The upstream keeps the answers it gave, and knows their ids. */
  keepsAnswers: boolean;
  /** The upstream to which what only its maker can read belongs; null where nobody knows. */
  home: string | null;
};

/**
 * A request in its client's own wire format, for upstreams that speak it as well: they are sent what the client wrote,
 * and their answer goes back as it came. What the gateway itself must know of such an answer it reads as chat.
 */
export type NativeForm = {
  api: Exclude<Api, 'chat'>;
  /** Path below an upstream's base URL, e.g. `/responses`. */
  path: string;
  /** Request headers that the format asks for. */
  headers: Readonly<Record<string, string>>;
  /** Null where any upstream can serve the request. */
  need: NativeNeed | null;
  /** It carries what only the upstream that made it can read, such as encrypted reasoning or the ids of files. */
  isBound: boolean;
  /** The body for one attempt. */
  bodyFor(target: NativeTarget): string;
  /** A plain answer, parsed, as chat sees it; null when it is none. It must hold at least one choice. */
  readPlain(answer: Record<string, unknown>): ChatCompletion | null;
  /** Begins to read one stream. */
  openReader(): NativeReader;
};

/** What one event of a stream means, seen as chat. */
export type NativeEvent =
  /**
   * Part of the answer. A chunk without choices means nothing to chat but goes to the client all the same. `isLast`:
   * nothing follows that belongs to the answer.
   */
  | { kind: 'chunk'; chunk: ChatCompletionChunk; isLast?: boolean }
  /** The upstream gives up; `text` is an error envelope of any of the usual shapes. */
  | { kind: 'failure'; text: string }
  /** Neither; it is dropped. */
  | { kind: 'nothing' };

export interface NativeReader {
  /** @param data the event's JSON, parsed. The last chunk of each choice has its finish reason. */
  read(event: string | undefined, data: Record<string, unknown>): NativeEvent;
}
