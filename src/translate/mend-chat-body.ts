type Json = Record<string, unknown>;

/**
 * What some editors send under the name of chat, as chat has it: tools without the `function` around them, as the Responses
 * API has them; assistant turns with tool calls and an empty list for content; arguments of a call as an object.
 * @returns the top-level members that change; null where none does, which is nearly always.
 */
export const mendChatBody = (body: Json): Json | null => {
  const changed: Json = {};
  if (Array.isArray(body['tools']) && body['tools'].some(isFlat)) changed['tools'] = body['tools'].map(nested);
  if (isFlat(body['tool_choice'])) changed['tool_choice'] = nested(body['tool_choice']);
  const { messages } = body;
  if (Array.isArray(messages) && messages.some(isOdd)) changed['messages'] = messages.map(mendMessage);
  return Object.keys(changed).length === 0 ? null : changed;
};

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isFlat = (value: unknown): boolean =>
  isObject(value) &&
  value['type'] === 'function' &&
  typeof value['name'] === 'string' &&
  value['function'] === undefined;

const nested = (value: unknown): unknown => {
  if (!isFlat(value)) return value;
  const { type, ...rest } = value as Json;
  return { type, function: rest };
};

const callsOf = (message: Json): unknown[] => (Array.isArray(message['tool_calls']) ? message['tool_calls'] : []);
const isObjectCall = (call: unknown): boolean =>
  isObject(call) && isObject(call['function']) && isObject(call['function']['arguments']);
const isEmptyTurn = ({ role, content }: Json): boolean =>
  role === 'assistant' && Array.isArray(content) && content.length === 0;

const isOdd = (message: unknown): boolean =>
  isObject(message) && (isEmptyTurn(message) || callsOf(message).some(isObjectCall));

const mendMessage = (message: unknown): unknown => {
  if (!isObject(message) || !isOdd(message)) return message;
  const calls = callsOf(message);
  return {
    ...message,
    ...(isEmptyTurn(message) && { content: null }),
    ...(calls.some(isObjectCall) && { tool_calls: calls.map(mendCall) }),
  };
};

const mendCall = (call: unknown): unknown => {
  if (!isObjectCall(call)) return call;
  const { function: said, ...rest } = call as { function: Json };
  return { ...rest, function: { ...said, arguments: JSON.stringify(said['arguments']) } };
};
