import type { LlamaText, Token } from 'node-llama-cpp';
import { GatewayError } from '../contract/errors.ts';
import type { LoadedModel } from './loaded-model.ts';
import { type Conversation, renderByHeart, renderConversation } from './render-conversation.ts';
import type { ToolSyntax } from './tool-syntax.ts';

/** No tokenizer packs more characters into a token; a longer text is refused before minutes are spent on counting it. */
const MAX_CHARACTERS_PER_TOKEN = 128;

/** `tail` is the format's last text before the answer: it tells whether the model is to think first. */
export type Prompt = { tokens: Token[]; syntax: ToolSyntax; tail: string };

/**
 * The conversation in the model's own chat format, as tokens that end where the answer begins. Markup of the format
 * inside a message stays plain text.
 * @throws GatewayError `invalid_value` when the template refuses the order of roles, `context_length_exceeded` when no
 * room for an answer is left.
 */
export const toPrompt = (loaded: LoadedModel, conversation: Conversation): Prompt => {
  const { model, contextTokens } = loaded;
  const length = conversation.messages.reduce((sum, { content }) => sum + content.length, 0);
  if (length > contextTokens * MAX_CHARACTERS_PER_TOKEN) throw tooLong(contextTokens, `more than ${contextTokens}`);
  const { text, syntax, tail } = render(loaded, conversation);
  const tokens = text.tokenize(model.tokenizer);
  const { bos, shouldPrependBosToken } = model.tokens;
  // Some templates leave the first token to the tokenizer.
  if (shouldPrependBosToken && bos !== null && tokens[0] !== bos) tokens.unshift(bos);
  if (tokens.length >= contextTokens) throw tooLong(contextTokens, String(tokens.length));
  return { tokens, syntax, tail };
};

const render = (
  { template, engine, chatWrapper }: LoadedModel,
  conversation: Conversation,
): { text: LlamaText; syntax: ToolSyntax; tail: string } => {
  if (template === null) {
    const [text, syntax] = renderByHeart(chatWrapper!, conversation);
    return { text, syntax, tail: '' };
  }
  const { parts, syntax } = renderConversation(template, conversation);
  const text = engine.LlamaText(
    parts.map((part) => (part.isMarkup ? new engine.SpecialTokensText(part.text) : part.text)),
  );
  const last = parts.at(-1);
  return { text, syntax, tail: last?.isMarkup ? last.text : '' };
};

/** The first sentence is what clients look for, word for word. */
const tooLong = (contextTokens: number, promptTokens: string): GatewayError =>
  new GatewayError(
    'context_length_exceeded',
    `This model's maximum context length is ${contextTokens} tokens. However, your messages resulted in ${promptTokens} tokens. Please reduce the length of the messages.`,
    { param: 'messages' },
  );
