import { type TextCompletion, TextCompletionSchema } from '../contract/text-completion.ts';
import { OpenChoices } from './open-choices.ts';
import { readEvents } from './read-events.ts';
import { fromErrorBody, interrupted, invalidResponse } from './upstream-errors.ts';

/** One `data:` of a stream of text completion, and the same parsed. */
export type TextPart = { text: string; chunk: TextCompletion };

/**
 * Reads a stream of text completion (https://platform.openai.com/docs/api-reference/completions) as parts. Ends after
 * `[DONE]`, or when the connection closes with every choice finished.
 * @throws GatewayError as `readStream` does.
 */
export const readTextStream = (upstream: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<TextPart[]> => {
  const choices = new OpenChoices();
  let isEmpty = true;
  return readEvents<TextPart>(upstream, bytes, {
    read(event, data, batch) {
      if (data.trim() === '[DONE]') return 'complete';
      const chunk = parse(data);
      if (event === 'error' || chunk?.['error'] != null) return fromErrorBody(upstream, data);
      if (chunk === null) {
        return event === undefined ? invalidResponse(upstream, 'sent an event that is no text completion') : 'more';
      }
      isEmpty = false;
      choices.note(chunk.choices);
      // Servers that stream chat and text with one code leave the wrong name on the chunks.
      const isNamed = chunk.object === 'text_completion';
      if (!isNamed) chunk.object = 'text_completion';
      batch.push({ text: isNamed ? data : JSON.stringify(chunk), chunk });
      return 'more';
    },
    end(isComplete) {
      if (isEmpty) throw invalidResponse(upstream, 'sent an empty stream');
      if (!isComplete && choices.indexes.length > 0) throw interrupted(upstream);
      return [];
    },
  });
};

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
