import { createParser } from 'eventsource-parser';
import type { GatewayError } from '../contract/errors.ts';
import { type TextCompletion, TextCompletionSchema } from '../contract/text-completion.ts';
import { interrupted } from './read-stream.ts';
import { fromErrorBody, invalidResponse } from './upstream-errors.ts';

/** One `data:` of a stream of text completion, and the same parsed. */
export type TextPart = { text: string; chunk: TextCompletion };

const MAX_EVENT_CHARACTERS = 16 * 1024 * 1024;

/**
 * Reads a stream of text completion (https://platform.openai.com/docs/api-reference/completions) as parts, one batch for
 * each read from the network. Ends after `[DONE]`, or when the connection closes with every choice finished.
 * @throws GatewayError as `readStream` does.
 */
export async function* readTextStream(upstream: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<TextPart[]> {
  const open = new Set<number>();
  const finished = new Set<number>();
  let batch: TextPart[] = [];
  let [isDone, isEmpty] = [false, true];
  let failure: GatewayError | null = null;
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') failure ??= invalidResponse(upstream, 'sent an event beyond 16 MiB');
    },
    onEvent: ({ event, data }) => {
      if (isDone || failure !== null) return;
      if (data.trim() === '[DONE]') {
        isDone = true;
        return;
      }
      const chunk = parse(data);
      if (event === 'error' || chunk?.['error'] != null) {
        failure = fromErrorBody(upstream, data);
      } else if (chunk === null) {
        if (event === undefined) failure = invalidResponse(upstream, 'sent an event that is no text completion');
      } else {
        isEmpty = false;
        for (const { index = 0, finish_reason } of chunk.choices) {
          if (finish_reason) {
            open.delete(index);
            finished.add(index);
          } else if (!finished.has(index)) open.add(index);
        }
        // Servers that stream chat and text with one code leave the wrong name on the chunks.
        const isNamed = chunk.object === 'text_completion';
        if (!isNamed) chunk.object = 'text_completion';
        batch.push({ text: isNamed ? data : JSON.stringify(chunk), chunk });
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
  if (isEmpty) throw invalidResponse(upstream, 'sent an empty stream');
  if (!isDone && open.size > 0) throw interrupted(upstream);
}

/**
 * A plain answer, checked for what clients need of it.
 * @throws GatewayError `upstream_invalid_response`; `upstream_error` for an error with status 200.
 */
export const parseTextCompletion = (upstream: string, text: string): TextCompletion => {
  const completion = parse(text);
  if (completion?.['error'] != null) throw fromErrorBody(upstream, text);
  if (completion === null || completion.choices.length === 0) {
    throw invalidResponse(upstream, 'answered with something that is no text completion');
  }
  return completion;
};

const parse = (data: string): TextCompletion | null => {
  try {
    const value = JSON.parse(data) as { error?: unknown };
    if (value?.error != null) return { ...value, choices: [] } as unknown as TextCompletion;
    return TextCompletionSchema.safeParse(value).data ?? null;
  } catch {
    return null;
  }
};
