import { splitWords, wordIndex } from './split-words.ts';
import file from './word-vectors.json' with { type: 'json' };

export const TOPIC_DIMENSIONS = file.dimensions;

/** What the vectors come from, for the model card. */
export const WORD_VECTOR_ORIGIN = { source: file.source, licence: file.licence, sourceSha256: file.sourceSha256 };

const VOCABULARY: ReadonlyMap<string, number> = new Map(file.words.split(' ').map((word, i) => [word, i]));
const VECTORS = new Int8Array(Buffer.from(file.vectors, 'base64'));

/**
 * What a text is about, as a direction of length 1 in `TOPIC_DIMENSIONS` dimensions: the mean of its words' vectors,
 * rare words counting more. All zeros for a text without a known word. No model runs: one look-up per word.
 */
export const topicOf = (text: string): Float64Array => {
  const sum = new Float64Array(TOPIC_DIMENSIONS);
  for (const word of splitWords(text)) {
    const index = wordIndex(word, VOCABULARY);
    if (index < 0) continue;
    const start = index * TOPIC_DIMENSIONS;
    for (let i = 0; i < TOPIC_DIMENSIONS; i++) sum[i]! += VECTORS[start + i]!;
  }
  const length = Math.sqrt(sum.reduce((total, value) => total + value * value, 0));
  return length > 0 ? sum.map((value) => value / length) : sum;
};
