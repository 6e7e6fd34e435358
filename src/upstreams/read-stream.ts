import type { ChatCompletionChunk } from '../contract/openai.ts';
import { type StreamPart, toPart } from '../contract/stream-part.ts';
import { OpenChoices } from './open-choices.ts';
import { parseObject, readEvents } from './read-events.ts';
import { createChunkRepair } from './repair-chunk.ts';
import { fromErrorBody, interrupted, invalidResponse } from './upstream-errors.ts';

/**
 * Reads a stream of chat completion as parts. Ends after `[DONE]`, or when the connection closes with every choice finished.
 * @throws GatewayError `upstream_error` for an error event, `upstream_invalid_response` for an event that is no chunk
 * and for an empty stream, `upstream_interrupted` for a stream that stops in the middle.
 */
export const readStream = (
  upstream: string,
  bytes: AsyncIterable<Uint8Array>,
  now: () => number,
  ownKeys: readonly string[] = [],
): AsyncGenerator<StreamPart[]> => {
  const repair = createChunkRepair(now, ownKeys);
  const choices = new OpenChoices();
  let last: ChatCompletionChunk | null = null;
  return readEvents<StreamPart>(upstream, bytes, {
    read(event, data, batch) {
      if (data.trim() === '[DONE]') return 'complete';
      const chunk = parseObject(data) as ChatCompletionChunk | null;
      if (event === 'error' || chunk?.['error'] != null) return fromErrorBody(upstream, data);
      if (chunk === null) {
        // Events that are neither chunks nor errors (named pings and the like) would break the client; drop them.
        return event === undefined ? invalidResponse(upstream, 'sent an event that is not JSON') : 'more';
      }
      if (event === undefined || Array.isArray(chunk.choices)) {
        const part = repair(data, chunk);
        choices.note(part.chunk.choices);
        last = part.chunk;
        batch.push(part);
      }
      return 'more';
    },
    end(isComplete) {
      if (last === null) throw invalidResponse(upstream, 'sent an empty stream');
      const { indexes } = choices;
      if (indexes.length > 0 && !isComplete) throw interrupted(upstream);
      // The upstream says it is done but named no finish reason, which official clients take for an error.
      return indexes.map((index) => finishPart(last as ChatCompletionChunk, index));
    },
  });
};

const finishPart = (like: ChatCompletionChunk, index: number): StreamPart => {
  const { usage: _usage, ...rest } = like;
  return toPart({ ...rest, choices: [{ index, delta: {}, finish_reason: 'stop' }] });
};
