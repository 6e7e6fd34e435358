/** GPT-2's way of cutting text into words before pairs are merged; llama.cpp's pre-tokenizer named `gpt-2`. */
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** GPT-2's printable stand-in for each of the 256 bytes, by byte (https://github.com/openai/gpt-2, src/encoder.py). */
export const BYTE_SYMBOLS: string[] = (() => {
  const isPrintable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
})();

/**
 * Merge rules learned from `text`, most frequent pair first, ties in code-unit order, so that the same text always
 * gives the same rules. Ends at `limit` rules or when every word is one token.
 * @returns rules such as `Ġt he`.
 */
export const learnMerges = (text: string, limit: number): string[] => {
  let words = [...countWords(text)].map(([word, count]) => ({ symbols: toSymbols(word), count }));
  const merges: string[] = [];
  while (merges.length < limit) {
    const best = mostFrequentPair(words);
    if (best === undefined) break;
    merges.push(best);
    words = words.map(({ symbols, count }) => ({ symbols: applyMerge(symbols, best), count }));
  }
  return merges;
};

/** `text` as tokens, by the rules of `merges` in their order. */
export const encode = (text: string, merges: string[]): string[] =>
  [...text.matchAll(WORDS)].flatMap(([word]) => merges.reduce(applyMerge, toSymbols(word)));

const toSymbols = (word: string): string[] => [...Buffer.from(word)].map((byte) => BYTE_SYMBOLS[byte]!);

const countWords = (text: string): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const [word] of text.matchAll(WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
};

const mostFrequentPair = (words: { symbols: string[]; count: number }[]): string | undefined => {
  const counts = new Map<string, number>();
  for (const { symbols, count } of words) {
    for (let i = 0; i + 1 < symbols.length; i++) {
      const pair = `${symbols[i]} ${symbols[i + 1]}`;
      counts.set(pair, (counts.get(pair) ?? 0) + count);
    }
  }
  const ranked = [...counts].sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
  return ranked[0]?.[0];
};

const applyMerge = (symbols: string[], merge: string): string[] => {
  const [left, right] = merge.split(' ') as [string, string];
  const merged: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] === left && symbols[i + 1] === right) {
      merged.push(left + right);
      i++;
    } else {
      merged.push(symbols[i]!);
    }
  }
  return merged;
};
