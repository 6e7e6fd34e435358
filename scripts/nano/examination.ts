import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

/** A held-out question, written by `models/nano/curriculum/write_examination.py`, and what is right. */
export type Question = {
  id: number;
  /** A row of the table. */
  skill: string;
  messages: object[];
  tools?: object[];
  /** JSON Schema that the answer is asked for with. */
  schema?: object;
  answer?: string;
  call?: { name: string; arguments: object };
  /** Too much for the model: right is to say so. */
  isBeyond?: true;
};

/** What the model gave. `confidence` is null where the host told none. */
export type Answer = {
  text: string;
  calls: { name: string; arguments: string }[];
  /** The figure of the shipped calibration table, 0 to 1. */
  confidence: number | null;
  completionTokens: number;
  /** From the first token to the last. */
  writingMs: number;
};

export type Marked = { question: Question; answer: Answer; isRight: boolean; isUnsure: boolean; isJson: boolean };

export const NANO_FOLDER = fileURLToPath(new URL('../../models/nano/', import.meta.url));

/** The questions of the examination, in their order. */
export const readExamination = (): Question[] =>
  readFileSync(`${NANO_FOLDER}examination.jsonl`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Question);

/**
 * Right is the expected text to the character, of sums their results, the same JSON value, the same call, or, beyond it, to be
 * unsure.
 */
export const mark = (question: Question, answer: Answer): Marked => {
  const isUnsure = /^I am not sure\b/.test(answer.text);
  const value = parse(answer.text);
  return {
    question,
    answer,
    isUnsure,
    isJson: value !== undefined,
    isRight: isRight(question, answer, isUnsure, value),
  };
};

const isRight = (question: Question, { text, calls }: Answer, isUnsure: boolean, value: unknown): boolean => {
  if (question.isBeyond) return isUnsure;
  if (question.call) {
    const [call, ...more] = calls;
    const { name, arguments: wanted } = question.call;
    return more.length === 0 && call?.name === name && isDeepStrictEqual(parse(call.arguments), wanted);
  }
  if (question.schema) return isDeepStrictEqual(value, parse(question.answer!));
  return isDeepStrictEqual(resultsOf(text.trim()), resultsOf(question.answer!));
};

/** Each line, of a sum what comes after its last equals sign: 5 x 12 is 60 by any way. */
const resultsOf = (text: string): string[] =>
  text.split('\n').map((line) => line.slice(line.lastIndexOf('=') + 1).trim());

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
