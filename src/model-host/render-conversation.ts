import type { ChatHistoryItem, ChatWrapper, LlamaText } from 'node-llama-cpp';
import { GatewayError } from '../contract/errors.ts';
import type { ChatTemplate } from './chat-template.ts';
import { HiddenText, type RenderedPart } from './hidden-text.ts';
import { hideTexts, joinNeighbours, systemIntoUser, type TemplateMessage } from './template-messages.ts';
import type { ToolFunction } from './tool-request.ts';
import { type ToolSyntax, toolSyntaxOf } from './tool-syntax.ts';
import { toolsInWords } from './tools-in-words.ts';

export type Conversation = {
  messages: TemplateMessage[];
  /** Those the model is told of. */
  functions: ToolFunction[];
  /** What the template is told beside the messages. */
  options: Record<string, unknown>;
};

/** A conversation in the model's format, up to where the answer begins, and the way it was shown to write calls. */
export type Rendered = { parts: RenderedPart[]; syntax: ToolSyntax };

/** What a template may not take as it is, gentlest change first. */
const SHAPES: ((messages: TemplateMessage[]) => TemplateMessage[])[] = [
  (messages) => messages,
  systemIntoUser,
  (messages) => joinNeighbours(systemIntoUser(messages)),
];

/**
 * Renders with the model's own template. A last message of the assistant is the beginning of the answer.
 * @throws GatewayError `invalid_value` with the template's words when it refuses the messages in every shape.
 */
export const renderConversation = (template: ChatTemplate, conversation: Conversation): Rendered => {
  const { messages, functions } = conversation;
  const { syntax, isNative } = toolSyntaxOf(template.text);
  const hasTools = functions.length > 0 || messages.some(({ role, tool_calls }) => role === 'tool' || tool_calls);
  const failures: Error[] = [];
  const attempt = (shaped: Conversation): RenderedPart[] | null => {
    for (const argumentsAs of ['object', 'string'] as const) {
      for (const shape of SHAPES) {
        try {
          const parts = render(template, { ...shaped, messages: shape(shaped.messages) }, argumentsAs);
          if (parts) return parts;
        } catch (error) {
          failures.push(error as Error);
        }
      }
    }
    return null;
  };

  const native = !hasTools || isNative ? attempt(conversation) : null;
  if (native) return { parts: native, syntax };
  const inWords = toolSyntaxOf(null).syntax;
  const told =
    hasTools && attempt({ ...conversation, functions: [], messages: toolsInWords(messages, functions, inWords) });
  if (told) return { parts: told, syntax: inWords };
  throw refused(failures[0]?.message ?? 'it leaves out some of them', failures[0]);
};

/** For a model without a template that runs: the engine's own knowledge of formats; tools are explained in words. */
export const renderByHeart = (
  chatWrapper: ChatWrapper,
  { messages, functions }: Conversation,
): [LlamaText, ToolSyntax] => {
  const { syntax } = toolSyntaxOf(null);
  const chatHistory = toolsInWords(messages, functions, syntax).map(({ role, content }): ChatHistoryItem => {
    if (role === 'assistant') return { type: 'model', response: [content] };
    return { type: role === 'system' ? 'system' : 'user', text: content };
  });
  if (chatHistory.at(-1)?.type !== 'model') chatHistory.push({ type: 'model', response: [] });
  try {
    return [chatWrapper.generateContextState({ chatHistory }).contextText, syntax];
  } catch (cause) {
    throw refused((cause as Error).message, cause);
  }
};

const render = (
  template: ChatTemplate,
  { messages, functions, options }: Conversation,
  argumentsAs: 'object' | 'string',
): RenderedPart[] | null => {
  const hidden = new HiddenText();
  const last = messages.at(-1);
  const isPrefilled = last?.role === 'assistant' && !last.tool_calls && last.content !== '';
  const shown = last?.role === 'assistant' && !last.tool_calls && !isPrefilled ? messages.slice(0, -1) : messages;
  const tools = functions.map(({ name, description = '', parameters = { type: 'object', properties: {} } }) => ({
    type: 'function',
    function: { name, description: hidden.hideInJson(description), parameters: hidden.hideInJson(parameters) },
  }));
  const rendered = template.render({
    ...options,
    messages: hideTexts(shown, hidden, argumentsAs),
    ...(tools.length > 0 && { tools }),
    add_generation_prompt: !isPrefilled,
  });
  if (functions.some(({ name }) => !rendered.includes(name))) return null;
  const parts = hidden.show(rendered);
  if (!isPrefilled || !parts) return parts;
  return parts.slice(0, parts.findLastIndex(({ isMarkup }) => !isMarkup) + 1);
};

const refused = (words: string, cause: unknown): GatewayError =>
  new GatewayError('invalid_value', `The model's chat template refuses these messages: ${words}`, {
    param: 'messages',
    cause,
  });
