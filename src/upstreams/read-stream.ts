import { createParser } from 'eventsource-parser';
import { GatewayError } from '../contract/errors.ts';
import type { ChatCompletionChunk } from '../contract/openai.ts';
import { type StreamPart, toPart } from '../contract/stream-part.ts';
import { createChunkRepair } from './repair-chunk.ts';
import { fromErrorBody, invalidResponse } from './upstream-errors.ts';

/** One event of a stream may hold at most this many characters. */
export const MAX_EVENT_CHARACTERS = 16 * 1024 * 1024;

/**
 * Reads an upstream's server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) as parts.
 * Splits at any byte are fine. Ends after `[DONE]`, or when the connection closes with every choice finished.
 * @throws GatewayError `upstream_error` for an error event, `upstream_invalid_response` for an event that is no chunk
 * and for an empty stream, `upstream_interrupted` for a stream that stops in the middle.
 */
export async function* readStream(
  upstream: string,
  bytes: AsyncIterable<Uint8Array>,
  now: () => number,
  ownKeys: readonly string[] = [],
): AsyncGenerator<StreamPart[]> {
  const repair = createChunkRepair(now, ownKeys);
  const open = new Set<number>();
  const finished = new Set<number>();
  let batch: StreamPart[] = [];
  let last: ChatCompletionChunk | null = null;
  let isDone = false;
  let failure: GatewayError | null = null;

  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded')
        failure ??= invalidResponse(upstream, 'sent an event beyond 16 MiB');
    },
    onEvent: ({ event, data }) => {
      if (isDone || failure !== null) return;
      if (data.trim() === '[DONE]') {
        isDone = true;
        return;
      }
      const chunk = parseChunk(data);
      if (event === 'error' || (chunk !== null && 'error' in chunk && chunk['error'] != null)) {
        failure = fromErrorBody(upstream, data);
      } else if (chunk === null) {
        // Events that are neither chunks nor errors (named pings and the like) would break the client; drop them.
        if (event === undefined) failure = invalidResponse(upstream, 'sent an event that is not JSON');
      } else if (event === undefined || Array.isArray(chunk.choices)) {
        const part = repair(data, chunk);
        trackChoices(open, finished, part.chunk);
        last = part.chunk;
        batch.push(part);
      }
    },
  });

  const decoder = new TextDecoder();
  for await (const piece of bytes) {
    parser.feed(decoder.decode(piece, { stream: true }));
    if (batch.length > 0) {
      const parts = batch;
      batch = [];
      yield parts;
    }
    if (failure !== null) throw failure;
    if (isDone) break;
  }
  if (last === null) throw invalidResponse(upstream, 'sent an empty stream');
  if (open.size === 0) return;
  if (!isDone) throw interrupted(upstream);
  // The upstream says it is done but named no finish reason, which official clients take for an error.
  yield [...open].map((index) => finishPart(last as unknown as ChatCompletionChunk, index));
}

/** An answer that stopped before its finish reason. */
export const interrupted = (upstream: string): GatewayError =>
  new GatewayError('upstream_interrupted', `Upstream "${upstream}" ended its answer in the middle.`, {
    isRetryable: true,
  });

const parseChunk = (data: string): ChatCompletionChunk | null => {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as ChatCompletionChunk) : null;
  } catch {
    return null;
  }
};

const trackChoices = (open: Set<number>, finished: Set<number>, chunk: ChatCompletionChunk): void => {
  for (const { index, finish_reason } of chunk.choices) {
    if (finish_reason) {
      open.delete(index);
      finished.add(index);
    } else if (!finished.has(index)) open.add(index);
  }
};

const finishPart = (like: ChatCompletionChunk, index: number): StreamPart => {
  const { usage: _usage, ...rest } = like;
  return toPart({ ...rest, choices: [{ index, delta: {}, finish_reason: 'stop' }] });
};
