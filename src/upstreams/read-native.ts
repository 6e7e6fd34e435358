import { createParser } from 'eventsource-parser';
import type { GatewayError } from '../contract/errors.ts';
import type { NativeForm, NativeReader } from '../contract/native-form.ts';
import type { StreamPart } from '../contract/stream-part.ts';
import { interrupted, MAX_EVENT_CHARACTERS } from './read-stream.ts';
import type { ChatAnswer } from './upstream.ts';
import { fromErrorBody, invalidResponse } from './upstream-errors.ts';

/**
 * A plain answer in the client's own wire format, byte for byte, and as chat sees it.
 * @throws GatewayError as `parsePlainAnswer`.
 */
export const parseNativeAnswer = (upstream: string, text: string, form: NativeForm): ChatAnswer & { kind: 'plain' } => {
  const answer = parseObject(text);
  if (answer === null) throw invalidResponse(upstream, 'answered with something that is not a JSON object');
  if (answer['error'] != null) throw fromErrorBody(upstream, text);
  const completion = form.readPlain(answer);
  if (completion === null) throw invalidResponse(upstream, `answered with something that ${form.api} has not`);
  return { kind: 'plain', completion, text: '', native: text };
};

/**
 * Reads the events of a stream in the client's own wire format. Each goes on word for word; comments do not.
 * @throws GatewayError as `readStream`.
 */
export async function* readNativeStream(
  upstream: string,
  bytes: AsyncIterable<Uint8Array>,
  reader: NativeReader,
): AsyncGenerator<StreamPart[]> {
  let batch: StreamPart[] = [];
  let isEmpty = true;
  let isFinished = false;
  let isLast = false;
  let failure: GatewayError | null = null;
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded')
        failure ??= invalidResponse(upstream, 'sent an event beyond 16 MiB');
    },
    onEvent: ({ event, data }) => {
      if (isLast || failure !== null || data.trim() === '[DONE]') return;
      const value = parseObject(data);
      if (value === null) {
        failure = invalidResponse(upstream, 'sent an event that is not a JSON object');
        return;
      }
      const meaning = reader.read(event, value);
      if (meaning.kind === 'failure') failure = fromErrorBody(upstream, meaning.text);
      if (meaning.kind !== 'chunk') return;
      isEmpty = false;
      isLast = meaning.isLast === true;
      isFinished ||= meaning.chunk.choices.some(({ finish_reason }) => Boolean(finish_reason));
      batch.push({ text: '', chunk: meaning.chunk, native: eventText(event, data) });
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
    if (isLast) break;
  }
  if (isEmpty) throw invalidResponse(upstream, 'sent an empty stream');
  if (!isFinished) throw interrupted(upstream);
}

/** An event as it was written; data of several lines stays data of several lines. */
const eventText = (event: string | undefined, data: string): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${data.replaceAll('\n', '\ndata: ')}\n\n`;

const parseObject = (text: string): Record<string, unknown> | null => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
};
