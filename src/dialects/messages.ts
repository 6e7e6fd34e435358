import { checked, parseBody } from '../contract/chat-request.ts';
import type { GatewayError } from '../contract/errors.ts';
import type { TokenCounts } from '../contract/ledger-entry.ts';
import type { StreamPart } from '../contract/stream-part.ts';
import type { Answer } from '../passage.ts';
import { MessagesEventWriter } from '../translate/messages/event-writer.ts';
import { toMessagesFailure } from '../translate/messages/failure.ts';
import { fromChat } from '../translate/messages/from-chat.ts';
import { toNativeForm } from '../translate/messages/native-form.ts';
import { MessagesBodySchema } from '../translate/messages/request-body.ts';
import { toChat } from '../translate/messages/to-chat.ts';
import type { AnswerWriter, Dialect } from './dialect.ts';
import { translatedRequest } from './translated-request.ts';

/** Anthropic's messages (https://docs.anthropic.com/en/api/messages). */
export const messagesDialect: Dialect = {
  read(bytes, { id, headers }) {
    const { text, body: parsed } = parseBody(bytes);
    const body = checked(MessagesBodySchema, parsed);
    const { body: chat, need } = toChat(body);
    const native = toNativeForm(text, body, need, headers);
    const request = translatedRequest(body, { body: chat, wire: chat, native });
    const showsThoughts = body.thinking != null && body.thinking.type !== 'disabled';
    return { chat: request, answer: () => new MessagesWriter(id.replace('req_', 'msg_'), showsThoughts) };
  },
  failure: toMessagesFailure,
};

/** Quotes inside a text are escaped, so no text can look like it. */
const STOP = /"type"\s*:\s*"message_stop"/;
const STOP_EVENT = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';

class MessagesWriter implements AnswerWriter {
  readonly #id: string;
  readonly #showsThoughts: boolean;
  readonly #writer: MessagesEventWriter;
  #model = '';
  /** The upstream's own last event, kept until the ledger has its entry; null while it speaks chat. */
  #last: string | null = null;

  constructor(id: string, showsThoughts: boolean) {
    this.#id = id;
    this.#showsThoughts = showsThoughts;
    this.#writer = new MessagesEventWriter(id, showsThoughts);
  }

  plain({ native, completion, recorder }: Answer & { kind: 'plain' }): string {
    const options = { id: this.#id, tokens: recorder.tokens, showsThoughts: this.#showsThoughts };
    return native ?? JSON.stringify(fromChat(completion, options));
  }

  events(parts: StreamPart[]): string {
    let events = '';
    for (const { native, chunk } of parts) {
      this.#model = chunk.model || this.#model;
      if (native === undefined) events += this.#writer.events(chunk);
      else {
        const isStop = STOP.test(native);
        if (!isStop) events += native;
        this.#last = isStop ? native : (this.#last ?? STOP_EVENT);
      }
    }
    return events;
  }

  end(tokens: TokenCounts, trailer: string): string {
    return trailer + (this.#last ?? this.#writer.end(tokens, this.#model));
  }

  fail(error: GatewayError): string {
    return `event: error\ndata: ${toMessagesFailure(error)}\n\n`;
  }
}
