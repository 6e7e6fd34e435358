import { GatewayError } from '../../contract/errors.ts';
import type { NativeNeed } from '../../contract/native-form.ts';
import type { ChatMessage } from '../../contract/openai.ts';
import { customArguments, LOCAL_SHELL } from './read-tools.ts';
import type { Item } from './request-body.ts';

/** Input items as chat messages, and the first thing in them that chat cannot say. */
export type ChatInput = { messages: ChatMessage[]; need: NativeNeed | null };

/**
 * @param items each with the name by which errors call it, such as `input[3]`.
 * @throws GatewayError `invalid_value` for an item that is no item.
 */
export const readInput = (items: { item: Item; param: string }[]): ChatInput => {
  const reading = new Reading();
  for (const { item, param } of items) reading.add(item, param);
  return { messages: reading.messages, need: reading.need };
};

/** Records of what an upstream did by itself: the answer that followed says what came of it, and chat has no place for them. */
const WITHOUT_A_PLACE = new Set([
  'reasoning',
  'web_search_call',
  'file_search_call',
  'code_interpreter_call',
  'mcp_list_tools',
  'mcp_call',
]);

type Part = { type: string; text?: string | null; [key: string]: unknown };
const ROLES = ['user', 'assistant', 'system', 'developer'] as const;
type Role = (typeof ROLES)[number];

class Reading {
  readonly messages: ChatMessage[] = [];
  need: NativeNeed | null = null;

  add(item: Item, param: string): void {
    const type = item.type ?? 'message';
    if (WITHOUT_A_PLACE.has(type)) return;
    if (type === 'message') this.#message(item, param);
    else if (type.endsWith('_output')) this.#output(type, item, param);
    else this.#call(type, item, param);
  }

  #message(item: Item, param: string): void {
    const role = item['role'] as Role;
    if (!ROLES.includes(role)) throw invalid(`${param}.role`, `expected one of ${ROLES.join(', ')}`);
    const { content } = item;
    if (typeof content !== 'string' && !Array.isArray(content)) {
      throw invalid(`${param}.content`, 'expected a text or a list of parts');
    }
    if (role === 'assistant') {
      this.#assistant(content as string | Part[], param);
      return;
    }
    if (typeof content === 'string') {
      this.messages.push({ role, content });
      return;
    }
    const parts = (content as Part[]).flatMap((part, i) => this.#part(part, `${param}.content[${i}]`));
    const isText = parts.every(({ type }) => type === 'text');
    // A list of texts is what some servers do not take.
    this.messages.push({ role, content: isText ? parts.map(({ text }) => text ?? '').join('\n') : parts });
  }

  /** What one answer said and called is one message in chat, and several items here. */
  #assistant(content: string | Part[], param: string): void {
    let text = typeof content === 'string' ? content : '';
    let refusal = '';
    for (const [i, part] of (typeof content === 'string' ? [] : content).entries()) {
      if (part?.type === 'output_text' || part?.type === 'input_text' || part?.type === 'text') text += part.text ?? '';
      else if (part?.type === 'refusal') refusal += String(part['refusal'] ?? '');
      else this.#needs(`${param}.content[${i}]`, `The content part "${part?.type}"`);
    }
    const open = this.messages.at(-1);
    if (open?.role === 'assistant' && open.content == null) open.content = text;
    else this.messages.push({ role: 'assistant', content: text });
    if (refusal !== '') (this.messages.at(-1) as ChatMessage)['refusal'] = refusal;
  }

  #call(type: string, item: Item, param: string): void {
    const called = calledBy(type, item);
    if (called === null) {
      this.#needs(param, `The input item "${type}"`);
      return;
    }
    const call = { id: textIn(item, 'call_id', param), type: 'function', function: called };
    const open = this.messages.at(-1);
    if (open?.role !== 'assistant') this.messages.push({ role: 'assistant', content: null, tool_calls: [call] });
    else if (open.tool_calls == null) open.tool_calls = [call];
    else open.tool_calls.push(call);
  }

  #output(type: string, item: Item, param: string): void {
    if (!OUTPUTS.has(type)) {
      this.#needs(param, `The input item "${type}"`);
      return;
    }
    // A local shell's output names its call by its own id.
    const id = item['call_id'] == null ? textIn(item, 'id', param) : textIn(item, 'call_id', param);
    this.messages.push({ role: 'tool', tool_call_id: id, content: this.#outputText(item['output'], param) });
  }

  #outputText(output: unknown, param: string): string {
    if (typeof output === 'string') return output;
    if (!Array.isArray(output)) return JSON.stringify(output ?? '');
    return (output as Part[])
      .map((part, i) => {
        if (part?.type === 'input_text' || part?.type === 'output_text' || part?.type === 'text')
          return part.text ?? '';
        this.#needs(`${param}.output[${i}]`, `A tool's result of type "${part?.type}"`);
        return '';
      })
      .join('\n');
  }

  #part(part: Part, param: string): Part[] {
    switch (part?.type) {
      case 'input_text':
      case 'output_text':
      case 'text':
        return [{ type: 'text', text: part.text ?? '' }];
      case 'input_image':
        return this.#image(part, param);
      case 'input_file':
        return this.#file(part, param);
      case 'input_audio':
        return [{ type: 'input_audio', input_audio: part['input_audio'] }];
      default:
        this.#needs(param, `The content part "${part?.type}"`);
        return [];
    }
  }

  #image({ image_url, file_id, detail }: Part, param: string): Part[] {
    if (typeof image_url === 'string') {
      return [{ type: 'image_url', image_url: { url: image_url, ...(typeof detail === 'string' && { detail }) } }];
    }
    this.#needs(param, file_id == null ? 'An image without `image_url`' : 'An image by `file_id`');
    return [];
  }

  #file({ file_data, filename, file_id, file_url }: Part, param: string): Part[] {
    if (file_url != null) {
      this.#needs(param, 'A file by `file_url`');
      return [];
    }
    const file = { ...(file_data != null && { file_data }), ...(filename != null && { filename }) };
    return [{ type: 'file', file: { ...file, ...(file_id != null && { file_id }) } }];
  }

  #needs(param: string, what: string): void {
    this.need ??= { param, what };
  }
}

/** Results of tools that the client runs by itself. */
const OUTPUTS = new Set(['function_call_output', 'custom_tool_call_output', 'local_shell_call_output']);

/** The function call that a call item stands for; null for tools that chat does not know. */
const calledBy = (type: string, item: Item): { name: string; arguments: string } | null => {
  switch (type) {
    case 'function_call':
      return { name: String(item['name'] ?? ''), arguments: String(item['arguments'] ?? '') };
    case 'custom_tool_call':
      return { name: String(item['name'] ?? ''), arguments: customArguments(String(item['input'] ?? '')) };
    case 'local_shell_call':
      return { name: LOCAL_SHELL, arguments: JSON.stringify(item['action'] ?? {}) };
    default:
      return null;
  }
};

const textIn = (item: Item, key: string, param: string): string => {
  const value = item[key];
  if (typeof value === 'string' && value !== '') return value;
  throw invalid(`${param}.${key}`, 'expected a text');
};

const invalid = (param: string, problem: string): GatewayError =>
  new GatewayError('invalid_value', `Invalid value for '${param}': ${problem}.`, { param });
