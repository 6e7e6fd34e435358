import type { ChatCompletion } from '../contract/openai.ts';
import { newId } from '../lib/id.ts';

/**
 * Mends in place what breaks official clients in the tool calls of a plain answer: arguments that are an object, which
 * they would show as "[object Object]", and calls without an id or a type.
 * @returns whether anything was mended.
 */
export const repairToolCalls = ({ choices }: ChatCompletion, now: number): boolean => {
  let isChanged = false;
  for (const call of choices.flatMap(({ message }) => message.tool_calls ?? [])) {
    const said = call.function as { arguments?: unknown } | undefined;
    if (said && typeof said.arguments === 'object') {
      said.arguments = JSON.stringify(said.arguments ?? {});
      isChanged = true;
    }
    if (!call.id || !call.type) {
      call.id ||= newId('call', now);
      call.type ||= 'function';
      isChanged = true;
    }
  }
  return isChanged;
};
