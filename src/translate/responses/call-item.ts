import { parseJson } from '../../lib/parse-json.ts';
import { customInput, type ToolKind } from './read-tools.ts';
import type { Item } from './request-body.ts';
import type { OutputItem, ResponseEvents } from './response-events.ts';

export type CallStart = { id: string; callId: string; name: string; kind: ToolKind };

/** A tool that the model wants called, as the kind of item that the client knows its tool by. */
export class CallItem implements OutputItem {
  readonly item: Item;
  readonly #events: ResponseEvents;
  readonly #index: number;
  readonly #kind: ToolKind;
  #arguments = '';

  constructor(events: ResponseEvents, { id, callId, name, kind }: CallStart, index: number) {
    this.#events = events;
    this.#index = index;
    this.#kind = kind;
    const common = { id, call_id: callId, status: 'in_progress' };
    this.item =
      kind === 'local_shell'
        ? { ...common, type: 'local_shell_call', action: toShellAction('') }
        : kind === 'custom'
          ? { ...common, type: 'custom_tool_call', name, input: '' }
          : { ...common, type: 'function_call', name, arguments: '' };
    events.emit('response.output_item.added', { output_index: index, item: this.item });
  }

  /** Only a function's arguments mean something before they are whole. */
  addArguments(text: string): void {
    this.#arguments += text;
    if (this.#kind === 'function') this.#emit('function_call_arguments.delta', { delta: text });
  }

  close(status: 'completed' | 'incomplete'): void {
    if (this.#kind === 'function') {
      // A function without parameters is called with nothing by some models, and clients parse what they get.
      if (this.#arguments === '' && status === 'completed') this.addArguments('{}');
      this.item['arguments'] = this.#arguments;
      this.#emit('function_call_arguments.done', { name: this.item['name'], arguments: this.#arguments });
    } else if (this.#kind === 'custom') {
      const input = customInput(this.#arguments);
      this.item['input'] = input;
      if (input !== '') this.#emit('custom_tool_call_input.delta', { delta: input });
      this.#emit('custom_tool_call_input.done', { input });
    } else this.item['action'] = toShellAction(this.#arguments);
    this.item['status'] = status;
    this.#events.emit('response.output_item.done', { output_index: this.#index, item: this.item });
  }

  #emit(name: string, fields: Record<string, unknown>): void {
    this.#events.emit(`response.${name}`, { item_id: this.item.id, output_index: this.#index, ...fields });
  }
}

/** The `action` of a `local_shell_call`; a command in one text is what a shell is asked to run. */
const toShellAction = (text: string): Record<string, unknown> => {
  let asked: Record<string, unknown> = {};
  try {
    const value: unknown = parseJson(text);
    if (typeof value === 'object' && value !== null) asked = value as Record<string, unknown>;
  } catch {
    // Cut off: there is no command to run.
  }
  const { command, working_directory, timeout_ms, env } = asked;
  const words = Array.isArray(command) ? command.map(String) : command == null ? [] : ['sh', '-c', String(command)];
  return {
    type: 'exec',
    command: words,
    env: typeof env === 'object' && env !== null ? env : {},
    ...(typeof working_directory === 'string' && { working_directory }),
    ...(typeof timeout_ms === 'number' && { timeout_ms }),
  };
};
