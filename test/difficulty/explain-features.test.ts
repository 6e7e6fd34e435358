import { describe, expect, test } from 'vitest';
import { explainAlternative, explainFeatures } from '../../src/difficulty/explain-features.ts';
import { createKindClassifier } from '../../src/difficulty/kind-classifier.ts';
import { shippedWeights } from '../../src/difficulty/weights.ts';
import { conversationOf } from './conversation.ts';
import { EASY_PROMPTS, HARD_PROMPTS } from './everyday-prompts.ts';

const classifier = createKindClassifier(shippedWeights());
const explain = (prompt: string) => explainFeatures(classifier.classify(conversationOf(prompt)));

describe('explanations', () => {
  test('name the proof asked for, the plain request and the answer options among the first reasons', () => {
    const first = (prompt: string) =>
      explain(prompt)
        .slice(0, 3)
        .map(({ text }) => text)
        .join('; ');
    expect(first(HARD_PROMPTS[0]!)).toContain('asks for demanding work such as a proof');
    expect(first('What is the capital of France?')).toContain('is a short plain request');
    expect(first('Which gas do plants take up?\nA. oxygen\nB. carbon dioxide\nC. helium\nD. neon')).toContain(
      'is a question with 4 answer options',
    );
  });

  test.each([...EASY_PROMPTS.slice(0, 5), ...HARD_PROMPTS.slice(0, 5), ''])(
    'add up to the whole difference: %s',
    (prompt) => {
      const judged = classifier.classify(conversationOf(prompt));
      const total = (parts: readonly { contribution: number }[]) =>
        parts.reduce((sum, part) => sum + part.contribution, 0);
      expect(total(explainFeatures(judged))).toBeCloseTo(total(judged.features), 9);
    },
  );

  test('use words, not names of features, and quote nothing of the prompt', () => {
    for (const { text } of explain('Prove zyxomma lemma for Mr Quibblesworth')) {
      expect(text).not.toMatch(/[a-z][A-Z]|\d{3}|zyxomma|Quibblesworth/);
    }
  });

  test('say what would have changed the decision', () => {
    expect(explainAlternative(0.61, 0.45)).toBe(
      '0.61 is at or above 0.45: below it, the request would have gone small',
    );
    expect(explainAlternative(0.2, 0.45)).toBe('0.20 is below 0.45: from there up, the request would have gone large');
  });
});
