const LONGEST_WORD = 20;
const NON_ASCII = /[\u0080-\uffff]/;
const MARKS = /\p{M}+/gu;
const WORDS = /[a-z]+|[0-9]+|\p{L}/gu;

/**
 * Words in lower case without accents: runs of Latin letters or digits; letters of other scripts stand alone, as in the
 * vocabulary that the word vectors come from. Linear in the text's length.
 */
export const splitWords = (text: string): string[] => {
  const lower = text.toLowerCase();
  return (NON_ASCII.test(lower) ? lower.normalize('NFD').replace(MARKS, '') : lower).match(WORDS) ?? [];
};

/**
 * The word's place in a vocabulary, or that of its longest beginning that is known (three letters or more), or -1.
 * One look-up per letter at most, so a text of unknown words costs no more than its length.
 */
export const wordIndex = (word: string, vocabulary: ReadonlyMap<string, number>): number => {
  const exact = vocabulary.get(word);
  if (exact !== undefined) return exact;
  for (let length = Math.min(LONGEST_WORD, word.length - 1); length >= 3; length--) {
    const index = vocabulary.get(word.slice(0, length));
    if (index !== undefined) return index;
  }
  return -1;
};
