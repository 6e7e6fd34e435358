import type { ChatCompletionChunk, WireToolCall } from '../contract/openai.ts';
import type { StreamPart } from '../contract/stream-part.ts';
import { newId } from '../lib/id.ts';
import { contentAsText } from './content-as-text.ts';
import { takeOutKeys } from './presets/own-keys.ts';

/**
 * Mends the omissions that break official clients, one per stream: a chunk without `choices`, a choice without `index`,
 * a first delta without `role`, tool deltas without `index`, `id` or `type`, tool arguments sent as an object, a chunk
 * that calls itself a whole answer, content as a list of chunks. Takes out the keys in `ownKeys`. A sound chunk keeps its text.
 */
export const createChunkRepair = (now: () => number, ownKeys: readonly string[] = []) => {
  const seenChoices = new Set<number>();
  /** By choice, the ids of its tool calls by their index. */
  const toolIds = new Map<number, string[]>();
  return (text: string, chunk: ChatCompletionChunk): StreamPart => {
    let isChanged = false;
    if (!Array.isArray(chunk.choices)) {
      chunk.choices = [];
      isChanged = true;
    }
    if ((chunk.object as string) === 'chat.completion') {
      chunk.object = 'chat.completion.chunk';
      isChanged = true;
    }
    if (takeOutKeys(chunk, ownKeys)) isChanged = true;
    for (const choice of chunk.choices) {
      if (choice.index == null) {
        choice.index = 0;
        isChanged = true;
      }
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
      if (contentAsText(choice.delta)) isChanged = true;
      const calls = choice.delta.tool_calls;
      if (calls == null) continue;
      const ids = toolIds.get(choice.index) ?? [];
      toolIds.set(choice.index, ids);
      calls.forEach((call, position) => {
        if (call.index == null) {
          call.index = indexFor(call, ids, calls.length > 1 ? position : null);
          isChanged = true;
        }
        if (ids[call.index] === undefined) {
          if (!call.id || !call.type) {
            call.id ||= newId('call', now());
            call.type ||= 'function';
            isChanged = true;
          }
          ids[call.index] = call.id;
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

/** Where a delta that does not say so belongs: an id or a name it brings begins a call, anything else goes on with one. */
const indexFor = (call: WireToolCall, ids: string[], position: number | null): number => {
  const known = call.id ? ids.indexOf(call.id) : -1;
  if (known >= 0) return known;
  if (call.id || call.function?.name) return ids.length;
  return position ?? Math.max(0, ids.length - 1);
};
