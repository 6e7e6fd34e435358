import { type ChatRequest, parseChatRequest } from '../contract/chat-request.ts';
import { createClientEvents, DONE_EVENT, toEvent, toWireUsage } from '../translate/client-stream.ts';
import type { AnswerWriter, Dialect } from './dialect.ts';

/** Chat completions: what the pipeline speaks itself, so nothing is translated. */
export const chatDialect: Dialect = {
  read(bytes) {
    const chat = parseChatRequest(bytes);
    return { chat, answer: () => writerFor(chat) };
  },
  failure: (error) => error.relay?.body ?? JSON.stringify(error.toEnvelope()),
};

const writerFor = ({ wantsUsage }: ChatRequest): AnswerWriter => {
  const client = createClientEvents(wantsUsage);
  return {
    // Some clients fail on an answer without usage; an estimate is better than that.
    plain: ({ completion, text, recorder }) =>
      completion.usage == null ? JSON.stringify({ ...completion, usage: toWireUsage(recorder.tokens) }) : text,
    events: (parts) => client.events(parts),
    end: (tokens, trailer) => client.missingUsage(tokens) + trailer + DONE_EVENT,
    fail: (error) => toEvent(JSON.stringify(error.toEnvelope())),
  };
};
