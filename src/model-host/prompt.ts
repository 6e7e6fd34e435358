import type { ChatHistoryItem, ChatWrapper, LlamaText, Token } from 'node-llama-cpp';
import { GatewayError } from '../contract/errors.ts';
import type { ChatMessage } from '../contract/openai.ts';
import type { LoadedModel } from './loaded-model.ts';
import { unsupported } from './unsupported.ts';

/** No tokenizer packs more characters into a token; a longer text is refused before minutes are spent on counting it. */
const MAX_CHARACTERS_PER_TOKEN = 128;

/**
 * The conversation in the model's own chat format, as tokens that end where the answer begins. Markup of the format
 * inside a message stays plain text. A last message of the assistant is the beginning of the answer.
 * @throws GatewayError `unsupported_parameter` for parts that are not text, `invalid_value` when the template refuses
 * the order of roles, `context_length_exceeded` when no room for an answer is left.
 */
export const toPrompt = ({ model, chatWrapper, contextTokens }: LoadedModel, messages: ChatMessage[]): Token[] => {
  const texts = messages.map(toText);
  const history = messages.map((message, index) => toHistoryItem(message, texts[index]!, index));
  if (history.at(-1)?.type !== 'model') history.push({ type: 'model', response: [] });
  if (texts.join('').length > contextTokens * MAX_CHARACTERS_PER_TOKEN) {
    throw tooLong(contextTokens, `more than ${contextTokens}`);
  }
  const tokens = render(chatWrapper, history).tokenize(model.tokenizer);
  const { bos, shouldPrependBosToken } = model.tokens;
  // Some templates leave the first token to the tokenizer.
  if (shouldPrependBosToken && bos !== null && tokens[0] !== bos) tokens.unshift(bos);
  if (tokens.length >= contextTokens) throw tooLong(contextTokens, String(tokens.length));
  return tokens;
};

const render = (chatWrapper: ChatWrapper, chatHistory: ChatHistoryItem[]): LlamaText => {
  try {
    return chatWrapper.generateContextState({ chatHistory }).contextText;
  } catch (cause) {
    const message = `The model's chat template refuses these messages: ${(cause as Error).message}`;
    throw new GatewayError('invalid_value', message, { param: 'messages', cause });
  }
};

const toHistoryItem = (message: ChatMessage, text: string, index: number): ChatHistoryItem => {
  switch (message.role) {
    case 'developer':
    case 'system':
      return { type: 'system', text };
    case 'user':
      return { type: 'user', text };
    case 'assistant':
      if (message.tool_calls?.length) throw unsupported(`messages[${index}].tool_calls`);
      return { type: 'model', response: [text] };
    case 'tool':
    case 'function':
      throw unsupported(`messages[${index}].role`);
    default:
      return message.role satisfies never;
  }
};

const toText = ({ content }: ChatMessage, index: number): string => {
  if (!Array.isArray(content)) return content ?? '';
  const texts = content.map((part, position) => {
    if (part.type !== 'text') throw unsupported(`messages[${index}].content[${position}]`);
    return part.text ?? '';
  });
  return texts.join('\n');
};

/** The first sentence is what clients look for, word for word. */
const tooLong = (contextTokens: number, promptTokens: string): GatewayError =>
  new GatewayError(
    'context_length_exceeded',
    `This model's maximum context length is ${contextTokens} tokens. However, your messages resulted in ${promptTokens} tokens. Please reduce the length of the messages.`,
    { param: 'messages' },
  );
