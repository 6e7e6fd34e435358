import { emptyFacts, type TextFacts } from './text-facts.ts';
import { KINDS_OF_WORD, PHRASES, WORD_KINDS } from './word-lists.ts';

const LONGEST_LOOKED_UP = 24;
const OPENING_WORDS = 12;
const OPENING_CHARACTERS = 40;
const HARD_TASK = WORD_KINDS.indexOf('hardTask');
const isUpper = (code: number) => code >= 65 && code <= 90;
const isLower = (code: number) => code >= 97 && code <= 122;
const isDigit = (code: number) => code >= 48 && code <= 57;
const isCjk = (code: number) => (code >= 0x3040 && code <= 0x9fff) || (code >= 0xac00 && code <= 0xd7af);
/** Letters beyond ASCII, with combining marks; surrogates (emoji, rare scripts) and symbol blocks are not. */
const isOtherLetter = (code: number) =>
  code >= 0xc0 && code !== 0xd7 && code !== 0xf7 && code < 0xd800 && !(code >= 0x2000 && code < 0x2c00) && !isCjk(code);
const MATH_MARKS = new Set([...'+=<>^*/|~%±×÷'].map((mark) => mark.charCodeAt(0)));
const CODE_MARKS = new Set([...';{}[]#'].map((mark) => mark.charCodeAt(0)));

/**
 * Reads a text once, character by character: linear in its length, with no regular expression and no backtracking.
 * Any string is accepted, lone surrogates and control characters included.
 */
export const scanText = (text: string): TextFacts => {
  const facts = emptyFacts();
  const kindCounts = new Array<number>(WORD_KINDS.length).fill(0);
  const distinct = new Set<string>();
  let wordStart = -1;
  let atSentenceStart = true;
  let inOption = false;
  let previous = 10;

  const endWord = (end: number) => {
    const length = end - wordStart;
    facts.words++;
    if (!inOption) facts.stemWords++;
    facts.wordCharacters += Math.min(length, LONGEST_LOOKED_UP);
    if (length >= 9) facts.longWords++;
    if (isUpper(text.charCodeAt(wordStart)) && !atSentenceStart) facts.names++;
    const word = text.slice(wordStart, wordStart + Math.min(length, LONGEST_LOOKED_UP)).toLowerCase();
    distinct.add(word);
    for (const kind of KINDS_OF_WORD.get(word) ?? []) {
      kindCounts[kind]!++;
      if (kind === HARD_TASK && facts.words <= OPENING_WORDS) facts.hardOpening++;
    }
    wordStart = -1;
    atSentenceStart = false;
  };

  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const upper = isUpper(code);
    if (upper || isLower(code) || isOtherLetter(code)) {
      if (previous === 10 && startsOption(text, i)) {
        inOption = true;
        facts.options++;
      }
      facts.letters++;
      if (upper) facts.upperCase++;
      if (code >= 0x250) facts.nonLatin++;
      if (upper && isLower(previous)) facts.codeMarks++;
      if (wordStart < 0) wordStart = i;
      if (inOption) facts.optionCharacters++;
      previous = code;
      continue;
    }
    // A hyphen between letters does not end the word: "root-cause" is looked up whole.
    const joins = code === 45 && wordStart >= 0 && isLower(text.charCodeAt(i + 1));
    if (wordStart >= 0 && !joins) endWord(i);
    if (isDigit(code)) {
      facts.digits++;
      if (!isDigit(previous)) {
        facts.numbers++;
        if (inOption) facts.optionNumbers++;
        else facts.stemNumbers++;
      }
      if (previous === 10 && startsListItem(text, i)) facts.listItems++;
    } else if (code === 10) {
      facts.lines++;
      inOption = false;
      atSentenceStart = true;
    } else if (code === 46 || code === 33 || code === 63 || code === 0x3002 || code === 0xff1f || code === 0xff01) {
      const next = text.charCodeAt(i + 1);
      if (code > 127 || Number.isNaN(next) || next === 32 || next === 10) {
        facts.sentences++;
        if (!inOption) facts.stemSentences++;
        atSentenceStart = true;
      }
      if (code === 63 || code === 0xff1f) facts.questions++;
    } else if (isCjk(code)) {
      facts.cjk++;
      facts.letters++;
      facts.nonLatin++;
    } else if (code === 92) facts.backslashes++;
    else if (code === 36) {
      const next = text.charCodeAt(i + 1);
      if (next === 92 || isLower(next) || isUpper(next)) facts.formulas++;
    } else if (code === 95) {
      if (isLower(previous)) facts.codeMarks++;
      else if (previous !== 95) facts.blanks++;
    } else if (code === 40) {
      if (isLower(previous) || previous === 95) facts.codeMarks++;
    } else if (code === 96) {
      if (previous === 10 && text.startsWith('```', i)) facts.fences++;
    } else if ((code === 45 || code === 42 || code === 0x2022) && previous === 10 && text.charCodeAt(i + 1) === 32) {
      facts.listItems++;
    } else if (MATH_MARKS.has(code) || (code >= 0x2200 && code <= 0x22ff)) facts.mathMarks++;
    else if (CODE_MARKS.has(code)) facts.codeMarks++;
    if (inOption) facts.optionCharacters++;
    // Indentation does not hide the start of a line.
    if (!(previous === 10 && code === 32)) previous = code;
  }
  if (wordStart >= 0) endWord(text.length);

  facts.distinctWords = distinct.size;
  WORD_KINDS.forEach((kind, index) => {
    facts.kinds[kind] = kindCounts[index]!;
  });
  countUnspaced(facts);
  countPhrases(text, facts);
  return facts;
};

const startsOption = (text: string, at: number): boolean => {
  const code = text.charCodeAt(at);
  const next = text.charCodeAt(at + 1);
  return code >= 65 && code <= 74 && (next === 46 || next === 41 || next === 58) && text.charCodeAt(at + 2) === 32;
};

const startsListItem = (text: string, at: number): boolean => {
  let end = at + 1;
  while (end < at + 3 && isDigit(text.charCodeAt(end))) end++;
  const mark = text.charCodeAt(end);
  return (mark === 46 || mark === 41) && text.charCodeAt(end + 1) === 32;
};

/** Chinese and Japanese have no spaces: six characters count as about four words. */
const countUnspaced = (facts: TextFacts): void => {
  facts.words += facts.cjk * 0.65;
  facts.stemWords += facts.cjk * 0.65;
  facts.wordCharacters += facts.cjk * 3;
  facts.distinctWords += facts.cjk * 0.6;
};

const countPhrases = (text: string, facts: TextFacts): void => {
  const lowerCase = text.toLowerCase();
  for (const [kind, phrases] of PHRASES) {
    for (const phrase of phrases) {
      const at = lowerCase.indexOf(phrase);
      if (at < 0) continue;
      facts.kinds[kind]++;
      if (kind === 'hardTask' && at <= OPENING_CHARACTERS) facts.hardOpening++;
    }
  }
};
