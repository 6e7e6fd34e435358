import { hasContent, spentText } from '../contract/chunk-content.ts';
import type { Clock } from '../lib/clock.ts';
import type { PartStream, StreamPart } from '../upstreams/upstream.ts';
import { certaintyOf, type TokenCertainty } from './confidence.ts';

/** How much of an answer is held back before it is judged. */
export type HoldLimits = {
  /** Scored tokens. */
  tokens: number;
  /** Milliseconds since the call began; from then on what has come must do. */
  ms: number;
};

/** The beginning of a stream, and the stream itself, still open, for what follows. */
export type Held = {
  parts: StreamPart[];
  certainty: TokenCertainty[];
  /** The answer ended while it was held. */
  isComplete: boolean;
  rest: AsyncIterator<StreamPart[]>;
};

/** A sentence has ended where a mark is followed by a space, or the text breaks off after it. */
const SENTENCE_END = /[.!?。！？](\s|$)/;
/** A sentence shorter than this says too little to be judged by. */
const MIN_TOKENS = 8;

/**
 * Reads the beginning of a stream until it can be judged: enough scored tokens, the end of a sentence, the end of the
 * answer, or the end of the time. When time runs out before any content came, waits on for the first of it.
 * @throws what the stream fails with.
 */
export const holdBack = async (stream: PartStream, limits: HoldLimits, clock: Clock): Promise<Held> => {
  const rest = stream[Symbol.asyncIterator]();
  const held: Held = { parts: [], certainty: [], isComplete: false, rest };
  const startedAt = clock.elapsed();
  let text = '';
  let hasBegun = false;
  while (true) {
    const { done, value } = await rest.next();
    if (done) return { ...held, isComplete: true };
    held.parts.push(...value);
    for (const { chunk } of value) {
      held.certainty.push(...certaintyOf(chunk));
      hasBegun ||= hasContent(chunk);
      for (const { delta } of chunk.choices) text += spentText(delta);
    }
    if (!hasBegun) continue;
    const isEnough = held.certainty.length >= limits.tokens;
    const isSentence = held.certainty.length >= MIN_TOKENS && SENTENCE_END.test(text);
    if (isEnough || isSentence || clock.elapsed() - startedAt >= limits.ms) return held;
  }
};
