import type { NativeNeed } from '../../contract/native-form.ts';
import { parseJson } from '../../lib/parse-json.ts';
import type { ResponsesBody } from './request-body.ts';

/** What a tool is to the client: its calls go back as this kind of item. */
export type ToolKind = 'function' | 'custom' | 'local_shell';

export type ChatTools = {
  /** Fields of a chat request; empty where there is no tool. */
  fields: Record<string, unknown>;
  /** By the function's name. */
  kinds: Map<string, ToolKind>;
  need: NativeNeed | null;
};

/** The name of the function that stands for the shell which the client runs by itself. */
export const LOCAL_SHELL = 'local_shell';

type Tool = NonNullable<ResponsesBody['tools']>[number];
type ChatFunction = { name: string; [key: string]: unknown };

/**
 * Tools as chat knows them: functions. A custom tool takes a text, so it becomes a function with one; a grammar for the
 * text is told to the model in words. Tools that an upstream runs by itself cannot be said in chat.
 */
export const readTools = (body: ResponsesBody): ChatTools => {
  const kinds = new Map<string, ToolKind>();
  const functions: ChatFunction[] = [];
  let need: NativeNeed | null = null;
  for (const [index, tool] of (body.tools ?? []).entries()) {
    const [kind, definition] = toFunction(tool);
    if (definition === null) {
      need ??= { param: `tools[${index}]`, what: `The tool "${tool.type}"` };
      continue;
    }
    kinds.set(definition.name, kind);
    functions.push(definition);
  }
  const choice = readChoice(body.tool_choice, functions);
  need ??= choice.need;
  if (choice.functions.length === 0) return { fields: {}, kinds, need };
  const fields = {
    tools: choice.functions.map((definition) => ({ type: 'function', function: definition })),
    ...(choice.value !== undefined && { tool_choice: choice.value }),
    ...(body.parallel_tool_calls != null && { parallel_tool_calls: body.parallel_tool_calls }),
  };
  return { fields, kinds, need };
};

/** The arguments of a call to a custom tool's function. */
export const customArguments = (input: string): string => JSON.stringify({ input });

/** The text that a custom tool was called with; what is not the shape asked for is taken as the text itself. */
export const customInput = (text: string): string => {
  try {
    const { input } = parseJson(text) as { input?: unknown };
    return typeof input === 'string' ? input : text;
  } catch {
    return text;
  }
};

const toFunction = (tool: Tool): [ToolKind, ChatFunction | null] => {
  switch (tool.type) {
    case 'function':
      return ['function', plainFunction(tool)];
    case 'custom':
      return ['custom', customFunction(tool)];
    case 'local_shell':
      return ['local_shell', SHELL_FUNCTION];
    default:
      return ['function', null];
  }
};

/** Some clients nest the function as chat does. */
const plainFunction = (tool: Tool): ChatFunction => {
  const { type: _type, function: nested, ...flat } = tool;
  const definition = (typeof nested === 'object' && nested !== null ? nested : flat) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(definition).filter(([, value]) => value != null)) as ChatFunction;
};

const customFunction = (tool: Tool): ChatFunction => {
  const format = tool['format'] as { type?: string; syntax?: string; definition?: string } | null | undefined;
  const rule =
    format?.type === 'grammar' ? `The input must follow this ${format.syntax} grammar:\n${format.definition}` : '';
  const description = [tool['description'], rule]
    .filter((text) => typeof text === 'string' && text !== '')
    .join('\n\n');
  return {
    name: String(tool['name'] ?? ''),
    ...(description !== '' && { description }),
    parameters: {
      type: 'object',
      properties: { input: { type: 'string', description: 'The whole input, as it is.' } },
      required: ['input'],
      additionalProperties: false,
    },
  };
};

/** The `action` of a `local_shell_call` (https://platform.openai.com/docs/guides/tools-local-shell). */
const SHELL_FUNCTION: ChatFunction = {
  name: LOCAL_SHELL,
  description: 'Runs a command on the user’s machine and returns what it prints.',
  parameters: {
    type: 'object',
    properties: {
      command: { type: 'array', items: { type: 'string' }, description: 'The program and its arguments.' },
      working_directory: { type: 'string' },
      timeout_ms: { type: 'integer' },
      env: { type: 'object', additionalProperties: { type: 'string' } },
    },
    required: ['command'],
  },
};

type Choice = { functions: ChatFunction[]; value?: unknown; need: NativeNeed | null };

const readChoice = (choice: ResponsesBody['tool_choice'], functions: ChatFunction[]): Choice => {
  if (choice == null) return { functions, need: null };
  if (typeof choice === 'string') return { functions, value: choice, need: null };
  if (choice.type === 'allowed_tools') {
    const allowed = Array.isArray(choice['tools'])
      ? (choice['tools'] as ({ type?: string; name?: string } | null)[])
      : [];
    const names = new Set(allowed.map((tool) => (tool?.type === 'local_shell' ? LOCAL_SHELL : tool?.name)));
    const value = choice['mode'] === 'required' ? 'required' : 'auto';
    return { functions: functions.filter(({ name }) => names.has(name)), value, need: null };
  }
  const name = choice.type === 'local_shell' ? LOCAL_SHELL : choice['name'];
  if (['function', 'custom', 'local_shell'].includes(choice.type)) {
    return { functions, value: { type: 'function', function: { name } }, need: null };
  }
  return { functions, need: { param: 'tool_choice', what: `The tool choice "${choice.type}"` } };
};
