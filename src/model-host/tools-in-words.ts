import type { TemplateMessage } from './template-messages.ts';
import type { ToolFunction } from './tool-request.ts';
import type { ToolSyntax } from './tool-syntax.ts';

/**
 * For templates that know nothing of tools: functions are explained in the system prompt, calls and results are
 * written into ordinary messages.
 */
export const toolsInWords = (
  messages: TemplateMessage[],
  functions: ToolFunction[],
  syntax: ToolSyntax,
): TemplateMessage[] => {
  const plain = messages.map((message): TemplateMessage => {
    if (message.role === 'tool') {
      return { role: 'user', content: `<tool_response>\n${message.content}\n</tool_response>` };
    }
    if (!message.tool_calls) return message;
    const { tool_calls: calls, ...rest } = message;
    return { ...rest, content: [message.content, writeCalls(calls, syntax)].filter((text) => text !== '').join('\n') };
  });
  if (functions.length === 0) return plain;
  const [first, ...others] = plain;
  const explanation = explain(functions, syntax);
  return first?.role === 'system'
    ? [{ ...first, content: `${first.content}\n\n${explanation}` }, ...others]
    : [{ role: 'system', content: explanation }, ...plain];
};

const writeCalls = (calls: NonNullable<TemplateMessage['tool_calls']>, syntax: ToolSyntax): string => {
  const { text, beforeName } = syntax.markers[0]!;
  const written = calls.map(
    ({ function: { name, arguments: values } }) =>
      `${name}${syntax.beforeArguments}${JSON.stringify(values)}${syntax.afterArguments}`,
  );
  return `${text}${beforeName}${written.join(syntax.between ?? '\n')}${syntax.end}`;
};

const explain = (functions: ToolFunction[], syntax: ToolSyntax): string => {
  const { text, beforeName } = syntax.markers[0]!;
  const list = functions.map(({ name, description, parameters }) =>
    JSON.stringify({ type: 'function', function: { name, description, parameters } }),
  );
  return [
    '# Tools',
    'You may call one or more of these functions to help with the request:',
    '<tools>',
    ...list,
    '</tools>',
    'For each call, reply with the name and the arguments as JSON, in this form and nothing else:',
    `${text}${beforeName}name${syntax.beforeArguments}{...}${syntax.afterArguments}${syntax.end}`,
  ].join('\n');
};
