import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequest,
  ChatMessage,
  WireMessage,
} from '../contract/openai.ts';

type Call = { name: string; arguments: string };

/**
 * The deprecated `functions` of a request as tools (https://platform.openai.com/docs/api-reference/chat/create), as edits of
 * its top-level members.
 */
export const functionsAsTools = (body: ChatCompletionRequest): Record<string, string | null> => {
  const choice = body['function_call'] as string | { name: string } | null | undefined;
  const edits: Record<string, string | null> = {
    functions: null,
    function_call: null,
    tools: JSON.stringify((body.functions ?? []).map((each) => ({ type: 'function', function: each }))),
  };
  if (choice != null) {
    const named = typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } };
    edits['tool_choice'] = JSON.stringify(named);
  }
  return edits;
};

/** The messages of such a request: calls and their results get an id made of their place. */
export const withCallIds = (messages: ChatMessage[]): ChatMessage[] => {
  let last = 'call_0';
  return messages.map((message, index) => {
    const call = message['function_call'] as Call | null | undefined;
    if (call != null) {
      last = `call_${index}`;
      const { function_call: _, ...rest } = message;
      return { ...rest, tool_calls: [{ id: last, type: 'function', function: call }] };
    }
    if (message.role !== 'function') return message;
    const { name: _, ...rest } = message;
    return { ...rest, role: 'tool', tool_call_id: last };
  });
};

/** An answer or chunk with tools in the deprecated form, in place: it has room for one call. */
export const toolsAsFunction = <Answer extends ChatCompletion | ChatCompletionChunk>(answer: Answer): Answer => {
  for (const choice of answer.choices) {
    const said = ('message' in choice ? choice.message : choice.delta) as WireMessage;
    const [first] = (said.tool_calls ?? []).filter(({ index = 0 }) => index === 0);
    delete said.tool_calls;
    if (first?.function) said['function_call'] = first.function;
    if (choice.finish_reason === 'tool_calls') choice.finish_reason = 'function_call';
  }
  return answer;
};
