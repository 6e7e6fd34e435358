import { hasContent, spentText } from '../contract/chunk-content.ts';
import type { StreamPart } from '../contract/stream-part.ts';
import type { Clock } from '../lib/clock.ts';
import type { PartStream } from '../upstreams/upstream.ts';
import { type Certainty, type TokenCertainty, toCertainty } from './confidence.ts';
import { tokenCertainty, toldCertainty } from './read-certainty.ts';

/** How much of an answer is held back before it is judged. */
export type HoldLimits = {
  /** Scored tokens. */
  tokens: number;
  /** Milliseconds since the call began; from then on what has come must do. */
  ms: number;
  /** The upstream tells its certainty once, after so many tokens, and not with each of them. */
  isToldOnce: boolean;
};

/** The beginning of a stream, and the stream itself, still open, for what follows. */
export type Held = {
  parts: StreamPart[];
  /** Null where the upstream told nothing of its certainty. */
  certainty: Certainty | null;
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
  const parts: StreamPart[] = [];
  const tokens: TokenCertainty[] = [];
  const startedAt = clock.elapsed();
  let told: Certainty | null = null;
  let text = '';
  let hasBegun = false;
  const isEnough = () =>
    told !== null ||
    // Content without a word on its certainty: there will be none, and holding on would only cost time.
    (tokens.length === 0 && !limits.isToldOnce) ||
    tokens.length >= limits.tokens ||
    (tokens.length >= MIN_TOKENS && SENTENCE_END.test(text)) ||
    clock.elapsed() - startedAt >= limits.ms;
  let late: Promise<IteratorResult<StreamPart[]>> | null = null;
  while (!hasBegun || !isEnough()) {
    const pending = rest.next();
    const leftMs = limits.ms - (clock.elapsed() - startedAt);
    const next = await (hasBegun ? within(pending, leftMs, clock) : pending);
    if (next === 'late') {
      late = pending;
      break;
    }
    const { done, value } = next;
    if (done) break;
    parts.push(...value);
    for (const { chunk } of value) {
      tokens.push(...tokenCertainty(chunk));
      told ??= toldCertainty(chunk);
      hasBegun ||= hasContent(chunk);
      for (const { delta } of chunk.choices) text += spentText(delta);
    }
  }
  const certainty = told ?? (tokens.length > 0 ? toCertainty(tokens) : null);
  return { parts, certainty, rest: late === null ? rest : continueWith(late, rest) };
};

/** What comes within the time, or that it is late; what comes later is not lost. */
const within = async <Value>(value: Promise<Value>, ms: number, clock: Clock): Promise<Value | 'late'> => {
  let cancel = () => {};
  const isLate = new Promise<'late'>((resolve) => {
    cancel = clock.after(Math.min(ms, LONGEST_TIMER_MS), () => resolve('late'));
  });
  try {
    return await Promise.race([value, isLate]);
  } finally {
    cancel();
  }
};

/** Node fires longer timers at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The iterator with the part in front that was asked for already. */
const continueWith = (
  pending: Promise<IteratorResult<StreamPart[]>>,
  rest: AsyncIterator<StreamPart[]>,
): AsyncIterator<StreamPart[]> => {
  let first: typeof pending | null = pending;
  // Whoever leaves before reading it must not be told of its failure.
  pending.catch(() => {});
  return {
    next() {
      const result = first ?? rest.next();
      first = null;
      return result;
    },
    return: async () => (await rest.return?.()) ?? { done: true, value: undefined },
  };
};
