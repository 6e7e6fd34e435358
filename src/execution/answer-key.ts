/** What makes an answer right: any of the texts, or a match of the pattern. */
export type AnswerKey = { answers: readonly string[]; pattern: RegExp | null };

/**
 * Whether the answer is one of the expected texts, or holds one as a run of whole words, in any case and punctuation;
 * or whether the pattern is found in it as it is. "It is Paris." holds "paris", and "Parisian" does not.
 */
export const isRight = (answer: string, { answers, pattern }: AnswerKey): boolean => {
  if (pattern?.test(answer)) return true;
  const words = toWords(answer);
  return answers.some((expected) => {
    const wanted = toWords(expected);
    return wanted.length === 0 ? answer.trim() === expected.trim() : holds(words, wanted);
  });
};

/**
 * Words and numbers: a number keeps its sign and its decimals and loses its thousands separators. Scripts that write no
 * spaces are cut into characters.
 */
const WORDS = (() => {
  const number = String.raw`(?<![\p{L}\p{N}])-?\p{N}+(?:\.\p{N}+)*|\p{N}+`;
  const unspaced = String.raw`[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]`;
  return new RegExp(String.raw`${number}|${unspaced}|[[\p{L}\p{M}]--${unspaced}]+`, 'gv');
})();

const toWords = (text: string): string[] =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('\u2212', '-')
    .replace(/(?<=\p{N}),(?=\p{N}{3}(?!\p{N}))/gu, '')
    .match(WORDS) ?? [];

const holds = (words: readonly string[], wanted: readonly string[]): boolean =>
  words.some((_, start) => wanted.every((word, i) => words[start + i] === word));
