import { WORD_KINDS, type WordKind } from './word-lists.ts';

/** Counts over one bounded text. Every field is a plain number of occurrences. */
export type TextFacts = {
  words: number;
  distinctWords: number;
  /** Words of nine letters and more: technical terms, mostly. */
  longWords: number;
  wordCharacters: number;
  letters: number;
  upperCase: number;
  /** Words with a capital that do not start a sentence: names, mostly. */
  names: number;
  digits: number;
  numbers: number;
  sentences: number;
  questions: number;
  lines: number;
  /** `A. …`, `B) …` at the start of a line, as multiple-choice questions have them. */
  options: number;
  optionCharacters: number;
  optionNumbers: number;
  /** Bullets and numbered lines. */
  listItems: number;
  /** Words, numbers and sentences outside the answer options. */
  stemWords: number;
  stemNumbers: number;
  stemSentences: number;
  /** `$x`, `$\\`: mathematics between dollar signs; `$5` is money. */
  formulas: number;
  /** `+ = < > ^ * / | ~ %` and non-ASCII mathematical symbols. */
  mathMarks: number;
  /** Backslashes: LaTeX commands, mostly. */
  backslashes: number;
  /** Semicolons, brackets, braces, calls `f(`, snake_case and camelCase joints. */
  codeMarks: number;
  fences: number;
  /** `_` standing alone, the gap of a cloze question. */
  blanks: number;
  /** Chinese, Japanese and Korean characters. */
  cjk: number;
  /** Letters of any script but Latin, `cjk` included. */
  nonLatin: number;
  kinds: Record<WordKind, number>;
  /** Demanding words among the first twelve words: the prompt orders such work, it does not merely mention it. */
  hardOpening: number;
};

export const emptyFacts = (): TextFacts => ({
  words: 0,
  distinctWords: 0,
  longWords: 0,
  wordCharacters: 0,
  letters: 0,
  upperCase: 0,
  names: 0,
  digits: 0,
  numbers: 0,
  sentences: 0,
  questions: 0,
  lines: 1,
  options: 0,
  optionCharacters: 0,
  optionNumbers: 0,
  listItems: 0,
  stemWords: 0,
  stemNumbers: 0,
  stemSentences: 0,
  formulas: 0,
  mathMarks: 0,
  backslashes: 0,
  codeMarks: 0,
  fences: 0,
  blanks: 0,
  cjk: 0,
  nonLatin: 0,
  hardOpening: 0,
  kinds: Object.fromEntries(WORD_KINDS.map((kind) => [kind, 0])) as Record<WordKind, number>,
});
