import { expect, test } from 'vitest';
import { splitWords, wordIndex } from '../../src/difficulty/split-words.ts';
import { TOPIC_DIMENSIONS, topicOf } from '../../src/difficulty/word-vectors.ts';

const likeness = (a: string, b: string) => {
  const [x, y] = [topicOf(a), topicOf(b)];
  return x.reduce((sum, value, i) => sum + value * y[i]!, 0);
};

test('texts about the same subject point the same way', () => {
  const law = 'The court found the contract void and the plaintiff appealed.';
  expect(likeness(law, 'A judge reads the statute before the verdict')).toBeGreaterThan(
    likeness(law, 'Bake the bread with butter and garlic'),
  );
});

test('a topic has length 1, or is all zeros without a known word', () => {
  expect(likeness('quantum physics', 'quantum physics')).toBeCloseTo(1, 9);
  for (const text of ['', ' \u200b…!', '\ud800']) {
    expect([...topicOf(text)]).toEqual(new Array(TOPIC_DIMENSIONS).fill(0));
  }
});

test('words are split without case, accents and invisible marks', () => {
  expect(splitWords('Café-Crème, 42 déjà… 你好')).toEqual(['cafe', 'creme', '42', 'deja', '你', '好']);
});

test('an unknown word counts as its longest known beginning', () => {
  const vocabulary = new Map([
    ['photo', 0],
    ['photon', 1],
  ]);
  expect(['photon', 'photons', 'photography', 'phone', 'ph'].map((word) => wordIndex(word, vocabulary))).toEqual([
    1, 1, 0, -1, -1,
  ]);
});
