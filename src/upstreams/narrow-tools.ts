import type { ChatCompletionRequest } from '../contract/openai.ts';

/** As far as it is one: nothing but `type` has been looked at. */
type Tool = { function?: { name?: string; parameters?: { properties?: unknown } | null } | null };

/** Edits of a request's top-level members, and whether the order to call a tool was lost over them. */
export type NarrowedTools = { edits: Record<string, string | null>; isLost: boolean };

/**
 * `tool_choice` for servers that understand less of it than OpenAI's, as far as the list of tools can say the same:
 * a function that is named is the only one sent, and of `none` there are none.
 * @param readsWords whether the server obeys `required` and `none` itself.
 */
export const narrowTools = (body: ChatCompletionRequest, readsWords: boolean): NarrowedTools => {
  const choice = body['tool_choice'] as string | { function?: { name?: string } };
  const tools = (body.tools ?? []) as Tool[];
  if (typeof choice === 'string' && (readsWords || choice === 'auto')) return { edits: {}, isLost: false };
  if (choice === 'none') return { edits: { tools: null, tool_choice: null }, isLost: false };
  const named = typeof choice === 'string' ? undefined : choice.function?.name;
  const only = tools.filter((tool) => named !== undefined && tool.function?.name === named);
  return {
    edits: {
      ...(only.length > 0 && { tools: JSON.stringify(only) }),
      tool_choice: readsWords && only.length > 0 ? '"required"' : null,
    },
    isLost: !readsWords || only.length === 0,
  };
};

/**
 * Functions without parameters, which OpenAI allows, get an empty list of them, for servers that refuse them otherwise.
 * @returns null where nothing is lacking.
 */
export const withProperties = (tools: readonly unknown[]): unknown[] | null => {
  const lacks = ({ function: tool }: Tool) =>
    isObject(tool) && (tool.parameters == null || (isObject(tool.parameters) && tool.parameters.properties == null));
  if (!(tools as Tool[]).some(lacks)) return null;
  return (tools as Tool[]).map((tool) =>
    lacks(tool)
      ? {
          ...tool,
          function: { ...tool.function, parameters: { type: 'object', ...tool.function?.parameters, properties: {} } },
        }
      : tool,
  );
};

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
