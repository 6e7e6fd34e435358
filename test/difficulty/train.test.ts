import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createKindClassifier } from '../../src/difficulty/kind-classifier.ts';
import { type LabelledRow, LabelledRowSchema } from '../../src/difficulty/labelled-row.ts';
import { fitLogisticRegression } from '../../src/difficulty/logistic-regression.ts';
import { seededRandom } from '../../src/difficulty/seeded-random.ts';
import { trainDifficulty } from '../../src/difficulty/train.ts';
import { conversationOf } from './conversation.ts';

/** Prompts whose only difference is the number of digits; the more, the more often the small model fails. */
const generateRows = (count: number): LabelledRow[] => {
  const random = seededRandom(1);
  return Array.from({ length: count }, (_, i) => {
    const numbers = Math.floor(random() * 10);
    const isHard = random() < numbers / 10;
    return {
      id: i,
      source: 'generated',
      prompt: `Look at these: ${'12 '.repeat(numbers)}${'ab '.repeat(10 - numbers)}`,
      fold: i % 10,
      weak: isHard ? 0 : 1,
      strong: 1,
    };
  });
};

describe('training', () => {
  test('finds the signal that is there, and says what it is worth on unseen folds', () => {
    const { weights, trained, heldOut, skipped } = trainDifficulty(generateRows(1_000), []);
    expect({ trained, heldOut, skipped }).toEqual({ trained: 800, heldOut: 200, skipped: 0 });
    const classify = (numbers: number) =>
      createKindClassifier(weights).classify(
        conversationOf(`Look at these: ${'12 '.repeat(numbers)}${'ab '.repeat(10 - numbers)}`),
      ).difficulty;
    expect(classify(8)).toBeGreaterThan(0.65);
    expect(classify(1)).toBeLessThan(0.25);
    const figures = weights.heldOut.figures[0]!;
    expect(figures.auc).toBeGreaterThan(0.7);
    expect(figures.ece).toBeLessThan(0.1);
  });

  test('gives the same bits each time, on the anchors too', () => {
    const lines = readFileSync(new URL('../../src/difficulty/anchors.jsonl', import.meta.url), 'utf8')
      .trim()
      .split('\n');
    const anchors = lines.map((line) => LabelledRowSchema.parse(JSON.parse(line)));
    const once = trainDifficulty(anchors, []).weights;
    expect(JSON.stringify(trainDifficulty(anchors, []).weights)).toBe(JSON.stringify(once));
    expect(once.heldOut.figures[0]!.apgr).toBeGreaterThan(0.7);
  });

  test('skips rows without both scores, and refuses when none is left', () => {
    const rows = generateRows(100);
    const unscored = { id: 'x', prompt: 'hello', weak: 1 };
    expect(trainDifficulty([...rows, unscored], []).skipped).toBe(1);
    expect(() => trainDifficulty([unscored], [])).toThrow('no row outside the held-out folds');
  });
});

test('logistic regression recovers the weights that made the labels', () => {
  const random = seededRandom(2);
  const examples = Array.from({ length: 500 }, () => {
    const features = [random() * 2 - 1, random() * 2 - 1];
    const label = 1 / (1 + Math.exp(-(1.5 * features[0]! - 0.5 * features[1]! + 0.25)));
    return { features, label, weight: 1 };
  });
  const { weights, bias } = fitLogisticRegression(examples, 0);
  expect(weights[0]).toBeCloseTo(1.5, 6);
  expect(weights[1]).toBeCloseTo(-0.5, 6);
  expect(bias).toBeCloseTo(0.25, 6);
});
