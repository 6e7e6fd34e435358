import { createHash } from 'node:crypto';
import type { ChatMessage } from '../contract/openai.ts';
import type { HiddenText } from './hidden-text.ts';
import { unsupported } from './unsupported.ts';

type Call = { id: string; type: 'function'; function: { name: string; arguments: unknown } };

/** A message as chat templates read it. */
export type TemplateMessage = {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string;
  tool_calls?: Call[];
  tool_call_id?: string;
  name?: string;
  reasoning_content?: string;
};

/** The request's messages with one set of roles and with the deprecated fields in today's form. */
export const toTemplateMessages = (messages: ChatMessage[]): TemplateMessage[] => {
  const names = new Map<string, string>();
  return messages.map((message, index): TemplateMessage => {
    const content = toText(message, index);
    switch (message.role) {
      case 'developer':
      case 'system':
        return { role: 'system', content };
      case 'user':
        return { role: 'user', content };
      case 'assistant': {
        const calls = callsOf(message);
        for (const call of calls) names.set(call.id, call.function.name);
        const reasoning = message['reasoning_content'];
        return {
          role: 'assistant',
          content,
          ...(calls.length > 0 && { tool_calls: calls }),
          ...(typeof reasoning === 'string' && { reasoning_content: reasoning }),
        };
      }
      case 'tool':
      case 'function': {
        const id = toCallId(message.tool_call_id ?? message.name ?? '');
        return { role: 'tool', content, tool_call_id: id, name: message.name ?? names.get(id) ?? '' };
      }
      default:
        return message.role satisfies never;
    }
  });
};

/** The same messages with everything that was written by others hidden from the template. */
export const hideTexts = (messages: TemplateMessage[], hidden: HiddenText, argumentsAs: 'object' | 'string') =>
  messages.map((message) => ({
    ...message,
    content: hidden.hide(message.content, true),
    ...(message.reasoning_content !== undefined && {
      reasoning_content: hidden.hide(message.reasoning_content, false),
    }),
    ...(message.tool_calls && {
      tool_calls: message.tool_calls.map((call) => {
        const value = hidden.hideInJson(call.function.arguments);
        const written = argumentsAs === 'object' ? value : JSON.stringify(value);
        return { ...call, function: { ...call.function, arguments: written } };
      }),
    }),
  }));

/** For templates without a system role: what it says goes before the next message of the user. */
export const systemIntoUser = (messages: TemplateMessage[]): TemplateMessage[] => {
  const moved: TemplateMessage[] = [];
  let pending = '';
  for (const message of messages) {
    if (message.role === 'system') pending += `${message.content}\n\n`;
    else if (message.role === 'user') {
      moved.push({ ...message, content: pending + message.content });
      pending = '';
    } else moved.push(message);
  }
  return pending === '' ? moved : [...moved, { role: 'user', content: pending.trimEnd() }];
};

/** For templates that want roles to alternate: neighbours of one role become one message. */
export const joinNeighbours = (messages: TemplateMessage[]): TemplateMessage[] => {
  const joined: TemplateMessage[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    const isPlain = message.role !== 'tool' && !message.tool_calls && !last?.tool_calls;
    if (last && last.role === message.role && isPlain) last.content += `\n\n${message.content}`;
    else joined.push({ ...message });
  }
  return joined;
};

const callsOf = (message: ChatMessage): Call[] => {
  const legacy = message['function_call'] as { name?: unknown; arguments?: unknown } | null | undefined;
  const calls = (message.tool_calls ?? []).flatMap(({ id, function: call }) =>
    call ? [{ id: id ?? call.name, name: call.name, text: call.arguments }] : [],
  );
  if (calls.length === 0 && typeof legacy?.name === 'string') {
    calls.push({ id: legacy.name, name: legacy.name, text: String(legacy.arguments ?? '{}') });
  }
  return calls.map(({ id, name, text }) => ({
    id: toCallId(id),
    type: 'function',
    function: { name, arguments: parseArguments(text) },
  }));
};

/** Broken arguments are what a model once wrote; it is shown them as they are. */
const parseArguments = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text === '' ? '{}' : text);
    return typeof value === 'object' && value !== null ? value : { value };
  } catch {
    return { arguments: text };
  }
};

/** Nine letters and digits: some templates refuse every other form. */
const toCallId = (id: string): string => createHash('sha256').update(id).digest('hex').slice(0, 9);

const toText = ({ content }: ChatMessage, index: number): string => {
  if (!Array.isArray(content)) return content ?? '';
  const texts = content.map((part, position) => {
    if (part.type === 'refusal') return String(part['refusal'] ?? '');
    if (part.type !== 'text') throw unsupported(`messages[${index}].content[${position}]`);
    return part.text ?? '';
  });
  return texts.join('\n');
};
