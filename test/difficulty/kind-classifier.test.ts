import { describe, expect, test } from 'vitest';
import { createKindClassifier } from '../../src/difficulty/kind-classifier.ts';
import { shippedWeights } from '../../src/difficulty/weights.ts';
import { conversationOf } from './conversation.ts';
import { EASY_PROMPTS, HARD_PROMPTS, RECOMMENDED_THRESHOLD } from './everyday-prompts.ts';

const classifier = createKindClassifier(shippedWeights());
const difficultyOf = (...texts: string[]) => classifier.classify(conversationOf(...texts)).difficulty;

describe('the shipped model', () => {
  test('scores these prompts to six digits', () => {
    const scores = [...EASY_PROMPTS, ...HARD_PROMPTS].map((prompt) => difficultyOf(prompt).toFixed(6));
    expect(scores).toMatchSnapshot();
  });

  test.each(EASY_PROMPTS)('finds easy: %s', (prompt) => {
    expect(difficultyOf(prompt)).toBeLessThan(RECOMMENDED_THRESHOLD);
  });

  test.each(HARD_PROMPTS)('finds hard: %s', (prompt) => {
    expect(difficultyOf(prompt)).toBeGreaterThanOrEqual(RECOMMENDED_THRESHOLD);
  });

  test('explains itself: the contributions add up to the log-odds, against one average for every prompt', () => {
    const averages = [EASY_PROMPTS[0]!, HARD_PROMPTS[0]!].map((prompt) => {
      const { difficulty, features } = classifier.classify(conversationOf(prompt));
      const sum = features.reduce((total, feature) => total + feature.contribution, 0);
      return Math.log(difficulty / (1 - difficulty)) - sum;
    });
    expect(averages[0]).toBeCloseTo(averages[1]!, 9);
  });

  test('a short follow-up inherits the task it continues; a thank-you does not', () => {
    const proof = HARD_PROMPTS[0]!;
    expect(difficultyOf(proof, 'Suppose there are finitely many.', 'yes, go on')).toBeGreaterThan(
      RECOMMENDED_THRESHOLD,
    );
    expect(difficultyOf(proof, 'Suppose there are finitely many.', 'thanks, great')).toBeLessThan(0.2);
    expect(difficultyOf('What is the capital of Norway?', 'Oslo.', 'and of Sweden?')).toBeLessThan(0.2);
  });

  test('tools alone make no request hard; work over many steps with them does', () => {
    const withTools = (text: string, toolCount: number) =>
      classifier.classify({ ...conversationOf(text), toolCount }).difficulty;
    expect(withTools('What is the weather in Rome?', 1)).toBeLessThan(RECOMMENDED_THRESHOLD);
    expect(withTools('Turn off the lights in the kitchen', 3)).toBeLessThan(RECOMMENDED_THRESHOLD);
    expect(
      withTools('Find the cause of the failing deployment, fix it, run all tests and write a detailed report.', 6),
    ).toBeGreaterThanOrEqual(RECOMMENDED_THRESHOLD);
  });

  test('asking for more reasoning raises the difficulty', () => {
    const efforts = ['minimal', 'low', 'high'].map(
      (reasoningEffort) => classifier.classify({ ...conversationOf('Plan my week'), reasoningEffort }).difficulty,
    );
    expect(efforts).toEqual([...efforts].sort((a, b) => a - b));
  });
});

const HOSTILE: [string, string][] = [
  ['nothing', ''],
  ['one letter, a million times', 'a'.repeat(1_000_000)],
  ['spaces', ' '.repeat(1_000_000)],
  ['line breaks', '\n'.repeat(1_000_000)],
  ['zero-width characters', '\u200b\u200d\ufeff'.repeat(300_000)],
  ['right-to-left marks and Arabic', '\u202eمرحبا بالعالم '.repeat(20_000)],
  ['lone surrogates', '\ud800\udc00\udfff\ud800'.repeat(50_000)],
  ['control characters', Array.from({ length: 65_536 }, (_, code) => String.fromCharCode(code)).join('')],
  ['brackets', '([{<'.repeat(100_000)],
  ['backticks', '```\n'.repeat(100_000)],
  ['options', 'A. B) C: '.repeat(100_000)],
  ['digits and dots', '1.1.1.1.'.repeat(100_000)],
  ['distinct words', Array.from({ length: 100_000 }, (_, i) => i.toString(36)).join(' ')],
  ['emoji', '👩‍👩‍👧‍👦'.repeat(50_000)],
  ['hyphens', 'a-'.repeat(300_000)],
  ['one word repeated', 'prove '.repeat(200_000)],
  ['long unknown words', 'qxzjkvwqxzjkvwqxzjkvw '.repeat(50_000)],
  [
    'bytes read as Latin-1',
    Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 256)).toString('latin1'),
  ],
];

describe('any input', () => {
  test.each(HOSTILE)('%s gives a number between 0 and 1', (_, text) => {
    for (const conversation of [conversationOf(text), conversationOf(text, text, 'go on')]) {
      const { difficulty, features } = classifier.classify(conversation);
      expect(difficulty).toBeGreaterThanOrEqual(0);
      expect(difficulty).toBeLessThanOrEqual(1);
      expect(features.every(({ value, contribution }) => Number.isFinite(value + contribution))).toBe(true);
    }
  });

  test('so do no turns at all, and settings that nobody defined', () => {
    const empty = { turns: [], toolCount: 0, imageCount: 0, wantsJson: true, reasoningEffort: 'constructor' };
    expect(classifier.classify(empty).difficulty).toBeLessThan(0.45);
    const many = { ...conversationOf('hi'), toolCount: 1e6, imageCount: 1e6, reasoningEffort: '__proto__' };
    expect(classifier.classify(many).difficulty).toBeLessThanOrEqual(1);
  });

  test('what is read is bounded: the middle of a very long text changes nothing', () => {
    const around = (middle: string) => `${'Summarise. '.repeat(1_000)}${middle}${' The end.'.repeat(1_000)}`;
    expect(difficultyOf(around('prove it now'))).toBe(difficultyOf(around('xxxxx xx xxx')));
  });

  test('zero-width characters hide no words', () => {
    const plain = 'Prove this theorem';
    const { features } = classifier.classify(conversationOf('Pro\u200bve this the\u200borem'));
    const expected = classifier.classify(conversationOf(plain)).features;
    const words = (list: typeof features) => list.filter(({ name }) => name.endsWith('Words'));
    expect(words(features)).toEqual(words(expected));
  });
});
