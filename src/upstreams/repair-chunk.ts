import type { ChatCompletionChunk } from '../contract/openai.ts';
import { newId } from '../lib/id.ts';
import type { StreamPart } from './upstream.ts';

/**
 * Mends the omissions that break official clients, one per stream: a chunk without `choices`, a first delta without
 * `role`, tool deltas without `index`, `id` or `type`, tool arguments sent as an object. A sound chunk keeps its text.
 */
export const createChunkRepair = (now: () => number) => {
  const seenChoices = new Set<number>();
  const seenTools = new Set<string>();
  return (text: string, chunk: ChatCompletionChunk): StreamPart => {
    let isChanged = false;
    if (!Array.isArray(chunk.choices)) {
      chunk.choices = [];
      isChanged = true;
    }
    for (const choice of chunk.choices) {
      choice.index ??= 0;
      if (choice.delta == null) {
        choice.delta = {};
        isChanged = true;
      }
      if (!seenChoices.has(choice.index)) {
        seenChoices.add(choice.index);
        if (!choice.delta.role) {
          choice.delta.role = 'assistant';
          isChanged = true;
        }
      }
      choice.delta.tool_calls?.forEach((call, position) => {
        if (call.index === undefined) {
          call.index = position;
          isChanged = true;
        }
        const key = `${choice.index}/${call.index}`;
        if (!seenTools.has(key)) {
          seenTools.add(key);
          if (!call.id || !call.type) {
            call.id ||= newId('call', now());
            call.type ||= 'function';
            isChanged = true;
          }
        }
        if (call.function && typeof call.function.arguments === 'object' && call.function.arguments !== null) {
          call.function.arguments = JSON.stringify(call.function.arguments);
          isChanged = true;
        }
      });
    }
    return { text: isChanged ? JSON.stringify(chunk) : text, chunk };
  };
};
