import { createRequire } from 'node:module';
import type { Tiktoken } from 'tiktoken/lite';
import type { ChatCompletionRequest, ChatMessage } from '../contract/openai.ts';

/**
 * Token counts for answers whose upstream does not say, with OpenAI's o200k_base encoding. Other vendors' models count
 * otherwise, hence "estimated" in the ledger.
 */

/** Texts beyond this many characters in all are counted for this much, and the rest in proportion to its length. */
const SAMPLED_CHARACTERS = 20_000;
/** Byte pair encoding is quadratic in an unbroken run, so no more than this is encoded at once. */
const SLICE_CHARACTERS = 128;
/** What an empty text takes from the sample: bounds the time for a million tiny messages. */
const TEXT_WEIGHT = 16;

/**
 * Prompt tokens: 3 for each message, 1 for a name, 3 that prime the answer, and the texts
 * (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken). Tools and a response schema count as their
 * JSON. An image counts as at gpt-4o: 85 at `detail: low`, else 765, which is 1024 x 1024 at high detail
 * (https://platform.openai.com/docs/guides/images-vision). Audio and files count nothing. Never throws.
 */
export const estimatePromptTokens = (
  request: Pick<ChatCompletionRequest, 'messages' | 'tools' | 'functions' | 'response_format'>,
): number => {
  const texts: string[] = [];
  let fixedTokens = 3;
  for (const message of request.messages) {
    fixedTokens += 3 + (message.name ? 1 : 0) + imageTokens(message);
    texts.push(message.role);
    for (const text of textsOf(message)) texts.push(text);
  }
  if (request.tools?.length) texts.push(jsonOf(request.tools));
  if (request.functions?.length) texts.push(jsonOf(request.functions));
  if (request.response_format?.type === 'json_schema') texts.push(jsonOf(request.response_format));
  return fixedTokens + countTokens(texts);
};

/**
 * Completion tokens of the texts of an answer: content, refusal, reasoning, names and arguments of tool calls. They are
 * joined first, so the count is the same however a stream was cut.
 */
export const estimateCompletionTokens = (texts: readonly string[]): number => countTokens([texts.join('')]);

/** Loads the encoder now (some 300 ms and 80 MB, once for the process) instead of at the first estimate. */
export const warmUp = (): void => {
  loadEncoder();
};

let encoder: Tiktoken | undefined;

/** Loaded on demand: where every upstream reports usage, the process never pays for it. */
const loadEncoder = (): Tiktoken => {
  if (encoder) return encoder;
  const require = createRequire(import.meta.url);
  const lite: typeof import('tiktoken/lite') = require('tiktoken/lite');
  const ranks = require('tiktoken/encoders/o200k_base.json');
  encoder = new lite.Tiktoken(ranks.bpe_ranks, ranks.special_tokens, ranks.pat_str);
  return encoder;
};

const countTokens = (texts: readonly string[]): number => {
  let tokens = 0;
  let sampled = 0;
  let weight = 0;
  for (const text of texts) {
    weight += text.length + TEXT_WEIGHT;
    const sample = text.slice(0, Math.max(0, SAMPLED_CHARACTERS - sampled));
    if (sampled >= SAMPLED_CHARACTERS) continue;
    sampled += sample.length + TEXT_WEIGHT;
    tokens += countSlices(sample);
  }
  return weight > sampled ? Math.ceil((tokens * weight) / sampled) : tokens;
};

/** `encode_ordinary` takes `<|endoftext|>` as plain text, and lone surrogates as U+FFFD. */
const countSlices = (text: string): number => {
  let tokens = 0;
  for (let start = 0; start < text.length; ) {
    const end = sliceEnd(text, start);
    tokens += loadEncoder().encode_ordinary(text.slice(start, end)).length;
    start = end;
  }
  return tokens;
};

/** No token of o200k_base runs from a word into the space after it, so cutting there leaves the count exact. */
const sliceEnd = (text: string, start: number): number => {
  const limit = start + SLICE_CHARACTERS;
  if (limit >= text.length) return text.length;
  for (let end = limit; end > start; end--) {
    if (text[end] === ' ' && text[end - 1] !== ' ') return end;
  }
  return limit;
};

/** What JSON.parse accepts can be too deep for JSON.stringify; then it counts nothing. */
const jsonOf = (value: unknown): string => {
  try {
    return JSON.stringify(value);
  } catch {
    return '';
  }
};

const textsOf = (message: ChatMessage): string[] => {
  const { content } = message;
  const texts = typeof content === 'string' ? [content] : (content ?? []).map((part) => part.text ?? '');
  if (message.name) texts.push(message.name);
  for (const call of message.tool_calls ?? []) texts.push(call.function?.name ?? '', call.function?.arguments ?? '');
  return texts;
};

const imageTokens = ({ content }: ChatMessage): number => {
  if (!Array.isArray(content)) return 0;
  return content
    .filter((part) => part.type === 'image_url')
    .reduce((sum, part) => sum + ((part.image_url as { detail?: string } | null)?.detail === 'low' ? 85 : 765), 0);
};
