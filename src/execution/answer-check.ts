import { wantsJson } from '../contract/chat-request.ts';
import { spentText } from '../contract/chunk-content.ts';
import type { ChatCompletion, ChatCompletionRequest } from '../contract/openai.ts';

/** A phrase of so many characters that stands this often in a row is a loop that the model cannot leave. */
const LOOP = /(.{4,200}?)\1{5,}$/s;
const TAIL_CHARACTERS = 2_000;

/** How small models decline: matched at the beginning only, where an answer would stand. */
const REFUSAL =
  /^\W*(i('m| am) (sorry|not sure|unable|not able)|sorry,|i (can't|cannot|can not|don't know|do not know)|as an ai\b)/i;

/**
 * What is wrong with a complete answer, as the end of a sentence; null when nothing is seen. Facts only: it does not
 * judge whether an answer is true.
 */
export const faultOf = ({ choices }: ChatCompletion, body: ChatCompletionRequest): string | null => {
  for (const { message, finish_reason } of choices) {
    const text = spentText(message);
    if (finish_reason === 'length' && body.max_tokens == null && body.max_completion_tokens == null)
      return 'was cut off';
    if (text.trim() === '') return 'is empty';
    if (message.refusal || REFUSAL.test(text)) return 'is a refusal';
    if (LOOP.test(text.slice(-TAIL_CHARACTERS))) return 'repeats itself';
    if (wantsJson(body) && (message.tool_calls?.length ?? 0) === 0 && !isJson(text)) return 'is not the JSON asked for';
  }
  return null;
};

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
