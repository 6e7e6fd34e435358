import { GatewayError } from '../contract/errors.ts';
import type { LocalChatRequest } from './chat-request.ts';
import { unsupported } from './unsupported.ts';

export type ToolFunction = { name: string; description?: string; parameters?: unknown; strict: boolean; param: string };

/** What a request says about functions, in one form for all its dialects. */
export type ToolUse = {
  /** Every declared function, as the model is told of them. */
  functions: ToolFunction[];
  /** Those that may be called now. */
  callable: ToolFunction[];
  /** `auto` leaves it to the model; `required` is a call in any case. */
  mode: 'auto' | 'required';
  isParallel: boolean;
  /** The deprecated `functions` and `function_call`: one call, in fields of their own. */
  isLegacy: boolean;
};

const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const MAX_FUNCTIONS = 128;

type WireFunction = { name?: unknown; description?: unknown; parameters?: unknown; strict?: unknown };
type WireChoice =
  | string
  | { type?: string; name?: string; function?: { name?: string }; allowed_tools?: unknown }
  | null;

/**
 * @returns null when there is no function or none may be called.
 * @throws GatewayError `invalid_value` or `unsupported_parameter` naming the field at fault.
 */
export const toToolUse = (request: LocalChatRequest): ToolUse | null => {
  const isLegacy = !request.tools?.length && Boolean(request.functions?.length);
  const functions = isLegacy ? legacyFunctions(request) : toolFunctions(request);
  const choiceParam = isLegacy ? 'function_call' : 'tool_choice';
  const choice = (request[choiceParam] ?? (functions.length > 0 ? 'auto' : 'none')) as WireChoice;
  if (functions.length === 0) {
    if (choice === 'none' || choice === 'auto') return null;
    throw invalid(`'${choiceParam}' needs functions to choose from.`, choiceParam);
  }
  if (functions.length > MAX_FUNCTIONS) throw invalid(`At most ${MAX_FUNCTIONS} functions.`, 'tools');
  const use = {
    functions,
    callable: functions,
    isParallel: !isLegacy && request['parallel_tool_calls'] !== false,
    isLegacy,
  };
  if (choice === 'none') return { ...use, callable: [], mode: 'auto' };
  if (choice === 'auto' || choice === 'required') return { ...use, mode: choice };
  const name = typeof choice === 'object' ? (choice?.function?.name ?? choice?.name) : undefined;
  if (name !== undefined)
    return { ...use, callable: named(functions, [name], choiceParam), mode: 'required', isParallel: false };
  const allowed = allowedNames(choice);
  if (allowed) return { ...use, callable: named(functions, allowed.names, choiceParam), mode: allowed.mode };
  throw invalid(`'${choiceParam}' must be none, auto, required, a function or allowed_tools.`, choiceParam);
};

const toolFunctions = ({ tools }: LocalChatRequest): ToolFunction[] =>
  (tools ?? []).map((tool, index) => {
    if (tool.type !== 'function') throw unsupported(`tools[${index}].type`);
    // Some clients write the function's fields beside the type, as the Responses API does.
    const fields = (tool['function'] ?? tool) as WireFunction;
    return toFunction(fields, `tools[${index}].function`);
  });

const legacyFunctions = ({ functions }: LocalChatRequest): ToolFunction[] =>
  (functions ?? []).map((fields, index) => toFunction(fields, `functions[${index}]`));

const toFunction = ({ name, description, parameters, strict }: WireFunction, param: string): ToolFunction => {
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw invalid(`'${param}.name' must be 1 to 64 letters, digits, underscores and dashes.`, `${param}.name`);
  }
  if (parameters != null && (typeof parameters !== 'object' || Array.isArray(parameters))) {
    throw invalid(`'${param}.parameters' must be a JSON Schema.`, `${param}.parameters`);
  }
  return {
    name,
    ...(typeof description === 'string' && { description }),
    ...(parameters != null && { parameters }),
    strict: strict === true,
    param: `${param}.parameters`,
  };
};

const allowedNames = (choice: WireChoice): { mode: 'auto' | 'required'; names: string[] } | null => {
  if (typeof choice !== 'object' || choice?.type !== 'allowed_tools') return null;
  const { mode, tools } = (choice.allowed_tools ?? choice) as { mode?: string; tools?: WireChoice[] };
  const names = (tools ?? []).map((tool) =>
    typeof tool === 'object' ? (tool?.function?.name ?? tool?.name ?? '') : '',
  );
  return { mode: mode === 'required' ? 'required' : 'auto', names };
};

const named = (functions: ToolFunction[], names: string[], param: string): ToolFunction[] => {
  const missing = names.find((name) => !functions.some((known) => known.name === name));
  if (missing !== undefined) throw invalid(`'${param}' names '${missing}', which is not among the functions.`, param);
  return functions.filter(({ name }) => names.includes(name));
};

const invalid = (message: string, param: string): GatewayError => new GatewayError('invalid_value', message, { param });
