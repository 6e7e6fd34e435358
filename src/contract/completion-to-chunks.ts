import type { ChatCompletion, ChatCompletionChunk, WireMessage } from './openai.ts';

/**
 * A complete answer as the stream a client asked for: for each choice a role delta, its content and its finish reason,
 * then the usage chunk. For upstreams that answer a stream request with plain JSON, and for the cache.
 */
export const completionToChunks = (completion: ChatCompletion): ChatCompletionChunk[] => {
  const { choices, usage, object: _object, ...common } = completion;
  const chunkOf = (chunkChoices: ChatCompletionChunk['choices']): ChatCompletionChunk => ({
    ...common,
    object: 'chat.completion.chunk',
    choices: chunkChoices,
  });
  const chunks = choices.flatMap(({ index, message, finish_reason, logprobs, ...rest }) => [
    chunkOf([
      { index, delta: { role: 'assistant', content: message.content == null ? null : '' }, finish_reason: null },
    ]),
    chunkOf([{ index, delta: messageToDelta(message), finish_reason: null, ...(logprobs != null && { logprobs }) }]),
    chunkOf([{ ...rest, index, delta: {}, finish_reason: finish_reason ?? 'stop' }]),
  ]);
  return usage == null ? chunks : [...chunks, { ...chunkOf([]), usage }];
};

const messageToDelta = ({ role: _role, tool_calls, ...delta }: WireMessage): WireMessage => ({
  ...delta,
  ...(tool_calls != null && { tool_calls: tool_calls.map((call, index) => ({ ...call, index })) }),
});
