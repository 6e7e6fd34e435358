import type { ChatCompletionChunk, WireMessage } from './openai.ts';

/** Whether a chunk holds anything of the answer itself, or its end: from then on the client is committed to it. */
export const hasContent = (chunk: ChatCompletionChunk): boolean =>
  chunk.choices.some(({ delta, finish_reason }) => Boolean(finish_reason) || deltaHasContent(delta));

const deltaHasContent = (delta: WireMessage): boolean =>
  Object.entries(delta).some(([key, value]) => key !== 'role' && value !== null && value !== '' && !isEmptyList(value));

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** The text that a message or delta adds to an answer, reasoning and tool arguments included: what tokens are spent on. */
export const spentText = (message: WireMessage): string => {
  let text = (message.content ?? '') + (message.refusal ?? '') + (message.reasoning_content ?? message.reasoning ?? '');
  for (const call of message.tool_calls ?? []) text += (call.function?.name ?? '') + (call.function?.arguments ?? '');
  return text;
};
