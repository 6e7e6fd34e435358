import { type ChatRequest, checkChatRequest, checked, parseBody } from '../contract/chat-request.ts';
import { GatewayError } from '../contract/errors.ts';
import { spliceJson } from '../lib/json-splice.ts';
import { createClientEvents, DONE_EVENT, toEvent, toWireUsage } from '../translate/client-stream.ts';
import { mendChatBody } from '../translate/mend-chat-body.ts';
import { inputItems, ResponsesBodySchema } from '../translate/responses/request-body.ts';
import { toChatRequest } from '../translate/responses/to-chat-request.ts';
import type { AnswerWriter, Dialect } from './dialect.ts';

/** Chat completions: what the pipeline speaks itself, so nothing is translated. */
export const chatDialect: Dialect = {
  read(bytes) {
    const chat = readChat(bytes);
    return { chat, answer: () => writerFor(chat) };
  },
  failure: (error) => error.relay?.body ?? JSON.stringify(error.toEnvelope()),
};

const readChat = (bytes: Buffer): ChatRequest => {
  const { text, body } = parseBody(bytes);
  if (body['messages'] === undefined && body['input'] != null) return readMisplaced(body);
  const changed = mendChatBody(body);
  if (changed === null) return checkChatRequest({ text, body });
  const edits = Object.fromEntries(Object.entries(changed).map(([key, value]) => [key, JSON.stringify(value)]));
  return checkChatRequest({ text: spliceJson(text, edits), body: { ...body, ...changed } });
};

/** A body of the Responses API at the path of chat: some editors send it there, and read the answer as chat. */
const readMisplaced = (body: Record<string, unknown>): ChatRequest => {
  const responses = checked(ResponsesBodySchema, body);
  const { wire, need } = toChatRequest(responses, inputItems(responses), []);
  if (need !== null) {
    throw new GatewayError('unsupported_parameter', `${need.what} is not supported at this path; use /v1/responses.`, {
      param: need.param,
    });
  }
  return checkChatRequest({ text: JSON.stringify(wire), body: wire });
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
