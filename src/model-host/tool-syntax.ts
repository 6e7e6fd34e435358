/** Text that begins calls, and what follows it up to the first name. `isAtStart`: only as the first of an answer. */
export type CallMarker = { text: string; beforeName: string; isAtStart?: true };

/**
 * How a family of models writes a call: `start name beforeArguments {arguments} afterArguments`, more calls after
 * `between`, and `end`. Everything is literal; what a model is free to vary is fixed to the form it was trained on.
 */
export type ToolSyntax = {
  family: string;
  /** Tells the family by its chat template. */
  template: RegExp;
  /** What begins calls; the first is the one to begin with when a call is forced. */
  markers: CallMarker[];
  beforeArguments: string;
  afterArguments: string;
  /** Between two calls, up to the second name; null where the family makes one call at a time. */
  between: string | null;
  end: string;
};

const HERMES: ToolSyntax = {
  family: 'hermes',
  template: /<tool_call>/,
  markers: [{ text: '<tool_call>', beforeName: '\n{"name": "' }],
  beforeArguments: '", "arguments": ',
  afterArguments: '}\n</tool_call>',
  between: '\n<tool_call>\n{"name": "',
  end: '',
};

/** First match wins. */
const FAMILIES: ToolSyntax[] = [
  {
    family: 'mistral-named',
    template: /\[TOOL_CALLS\][\s\S]*\[ARGS\]/,
    markers: [{ text: '[TOOL_CALLS]', beforeName: '' }],
    beforeArguments: '[ARGS]',
    afterArguments: '',
    between: '[TOOL_CALLS]',
    end: '',
  },
  {
    family: 'mistral',
    template: /\[TOOL_CALLS\]/,
    markers: [{ text: '[TOOL_CALLS]', beforeName: ' [{"name": "' }],
    beforeArguments: '", "arguments": ',
    afterArguments: '}',
    between: ', {"name": "',
    end: ']',
  },
  {
    family: 'llama-3',
    template: /<\|python_tag\|>|<\|start_header_id\|>[\s\S]*"parameters": /,
    markers: [
      { text: '{"name": "', beforeName: '', isAtStart: true },
      { text: '<|python_tag|>', beforeName: '{"name": "' },
    ],
    beforeArguments: '", "parameters": ',
    afterArguments: '}',
    between: null,
    end: '',
  },
  HERMES,
];

/**
 * The syntax of the model's family. A template that knows nothing of tools, or writes calls in a form that is not
 * JSON, gets the most common syntax, explained in the system prompt: `isNative` is false.
 */
export const toolSyntaxOf = (template: string | null): { syntax: ToolSyntax; isNative: boolean } => {
  const isJson = template !== null && /\btools\b/.test(template) && !/<function=/.test(template);
  const syntax = isJson ? FAMILIES.find((family) => family.template.test(template)) : undefined;
  return { syntax: syntax ?? HERMES, isNative: syntax !== undefined };
};
