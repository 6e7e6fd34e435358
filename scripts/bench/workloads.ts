import { NANO_SENTENCES } from '../gguf/nano-corpus.ts';
import { MODEL_NAME } from './engine-servers.ts';
import { type Streamed, streamChat, type Target } from './stream-chat.ts';

/** Words of a prompt and tokens of its answer. */
export type Workload = { promptWords: number; answerTokens: number };

/** `read` is nearly all prompt, `write` nearly all answer, and `both` what a client sends. */
export const WORKLOADS = {
  read: { promptWords: 240, answerTokens: 1 },
  write: { promptWords: 8, answerTokens: 96 },
  both: { promptWords: 240, answerTokens: 96 },
} as const satisfies Record<string, Workload>;

const WORDS = [...new Set(NANO_SENTENCES.join(' ').match(/[a-z]{2,}/gi))];
let next = Math.floor(Math.random() * 2 ** 31);

/** A request whose first word no other request had, so that no server knows any of its prompt. */
export const newRequest = ({ promptWords, answerTokens }: Workload, model = MODEL_NAME, topK = 0): object => {
  const words = [`${next++}`];
  let state = next;
  while (words.length < promptWords) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    words.push(WORDS[(state >>> 16) % WORDS.length]!);
  }
  return {
    model,
    messages: [{ role: 'user', content: words.join(' ') }],
    max_tokens: answerTokens,
    // OpenAI's defaults, with which, at a top_k of 0, every token is drawn from the whole vocabulary.
    ...{ temperature: 1, top_p: 1, top_k: topK, min_p: 0, seed: state },
    ...{ stream: true, stream_options: { include_usage: true } },
  };
};

/** What `parallel` requests at once came to. */
export type Outcome = {
  /** Tokens read, or written, by the second: of all requests together, from the first start to the last end. */
  tokensPerSecond: number;
  /** Median wait for the first content, in milliseconds. */
  firstTokenMs: number;
  /** All tokens read and written. */
  tokens: number;
};

/**
 * Sends `parallel` requests at once and waits for all of them. Speed counts the prompt's tokens for `read`, for
 * `write` the answers' from the first content on, and for `both` all of them.
 * @throws Error when an answer is shorter than asked for, or the server knew part of the prompt.
 */
export const run = async (
  target: Target,
  name: keyof typeof WORKLOADS,
  parallel: number,
  topK = 0,
): Promise<Outcome> => {
  const workload = WORKLOADS[name];
  const answers = await Promise.all(
    Array.from({ length: parallel }, () => streamChat(target, newRequest(workload, MODEL_NAME, topK))),
  );
  for (const answer of answers) check(answer, workload);
  const start = Math.min(...answers.map(({ startedAt, firstAt }) => (name === 'write' ? firstAt : startedAt)));
  const end = Math.max(...answers.map(({ endedAt }) => endedAt));
  const tokens = answers.reduce((sum, { promptTokens, completionTokens }) => {
    return sum + (name === 'write' ? 0 : promptTokens) + (name === 'read' ? 0 : completionTokens);
  }, 0);
  return {
    tokensPerSecond: tokens / ((end - start) / 1000),
    firstTokenMs: median(answers.map(({ startedAt, firstAt }) => firstAt - startedAt)),
    tokens: answers.reduce((sum, answer) => sum + answer.promptTokens + answer.completionTokens, 0),
  };
};

const check = (answer: Streamed, { answerTokens }: Workload): void => {
  if (answer.completionTokens !== answerTokens) {
    throw new Error(`an answer has ${answer.completionTokens} tokens, ${answerTokens} were asked for`);
  }
  if (answer.cachedTokens > 16) throw new Error(`the server knew ${answer.cachedTokens} tokens of a new prompt`);
};

/** The middle of the values; of an even number, the mean of the two in the middle. */
export const median = (values: number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
};
