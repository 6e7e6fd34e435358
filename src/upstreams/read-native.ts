import type { NativeForm, NativeReader } from '../contract/native-form.ts';
import type { StreamPart } from '../contract/stream-part.ts';
import { parseObject, readEvents } from './read-events.ts';
import type { ChatAnswer } from './upstream.ts';
import { fromErrorBody, interrupted, invalidResponse } from './upstream-errors.ts';

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
export const readNativeStream = (
  upstream: string,
  bytes: AsyncIterable<Uint8Array>,
  reader: NativeReader,
): AsyncGenerator<StreamPart[]> => {
  let isEmpty = true;
  let isFinished = false;
  return readEvents<StreamPart>(upstream, bytes, {
    read(event, data, batch) {
      if (data.trim() === '[DONE]') return 'more';
      const value = parseObject(data);
      if (value === null) return invalidResponse(upstream, 'sent an event that is not a JSON object');
      const meaning = reader.read(event, value);
      if (meaning.kind === 'failure') return fromErrorBody(upstream, meaning.text);
      if (meaning.kind !== 'chunk') return 'more';
      isEmpty = false;
      isFinished ||= meaning.chunk.choices.some(({ finish_reason }) => Boolean(finish_reason));
      batch.push({ text: '', chunk: meaning.chunk, native: eventText(event, data) });
      return meaning.isLast === true ? 'complete' : 'more';
    },
    end() {
      if (isEmpty) throw invalidResponse(upstream, 'sent an empty stream');
      if (!isFinished) throw interrupted(upstream);
      return [];
    },
  });
};

/** An event as it was written; data of several lines stays data of several lines. */
const eventText = (event: string | undefined, data: string): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${data.replaceAll('\n', '\ndata: ')}\n\n`;
