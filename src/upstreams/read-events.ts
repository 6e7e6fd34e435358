import { createParser } from 'eventsource-parser';
import type { GatewayError } from '../contract/errors.ts';
import { invalidResponse } from './upstream-errors.ts';

/** One event of a stream may hold at most this many characters. */
const MAX_EVENT_CHARACTERS = 16 * 1024 * 1024;

/** What is made of the events of one stream. */
export type EventReader<Part> = {
  /** Adds what an event holds to the batch. @returns whether the stream goes on, is complete with it, or has failed. */
  read(event: string | undefined, data: string, batch: Part[]): 'more' | 'complete' | GatewayError;
  /**
   * What is left to say at the end.
   * @param isComplete whether an event was the last; else the connection has closed. @throws GatewayError.
   */
  end(isComplete: boolean): Part[];
};

/**
 * Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), one batch of parts for each
 * read from the network. Splits at any byte are fine.
 * @throws GatewayError what the reader says; `upstream_invalid_response` for an event beyond the limit.
 */
export async function* readEvents<Part>(
  upstream: string,
  bytes: AsyncIterable<Uint8Array>,
  reader: EventReader<Part>,
): AsyncGenerator<Part[]> {
  let batch: Part[] = [];
  let isComplete = false;
  let failure: GatewayError | null = null;
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') failure ??= invalidResponse(upstream, 'sent an event beyond 16 MiB');
    },
    onEvent: ({ event, data }) => {
      if (isComplete || failure !== null) return;
      const next = reader.read(event, data, batch);
      if (next === 'complete') isComplete = true;
      else if (next !== 'more') failure = next;
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
    if (isComplete) break;
  }
  const rest = reader.end(isComplete);
  if (rest.length > 0) yield rest;
}

/** The JSON object that an event holds; null for anything else. */
export const parseObject = (text: string): Record<string, unknown> | null => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
};
