import { describe, expect, test } from 'vitest';
import { loadClassifier } from '../../src/difficulty/load-classifier.ts';
import { measureRecovery, thresholdForQuality } from '../../src/difficulty/recovery.ts';

const outcomes = [
  { difficulty: 0.1, weak: 1, strong: 1 },
  { difficulty: 0.3, weak: 0.5, strong: 1 },
  { difficulty: 0.6, weak: 0, strong: 0 },
  { difficulty: 0.9, weak: 0, strong: 1 },
];
const quantiles = [0.1, 0.3, 0.6, 0.9];

describe('the part of the gap that a threshold recovers', () => {
  test('is what the prompts at or above it bring', () => {
    expect(measureRecovery(quantiles, outcomes)).toEqual([1, 1, 0.6667, 0.6667]);
    expect(measureRecovery([1], outcomes)).toEqual([0]);
  });

  test('is nothing where the strong model is no better', () => {
    expect(
      measureRecovery(
        quantiles,
        outcomes.map((outcome) => ({ ...outcome, strong: outcome.weak })),
      ),
    ).toEqual([0, 0, 0, 0]);
  });

  test('gives the highest threshold that suffices, and 0 where none does', () => {
    const model = { quantiles, recovery: measureRecovery(quantiles, outcomes) };
    expect([0.5, 0.7, 1].map((quality) => thresholdForQuality(model, quality))).toEqual([0.9, 0.3, 0.3]);
    expect(thresholdForQuality({ quantiles, recovery: [0, 0, 0, 0] }, 0.9)).toBe(0);
  });
});

test('the model in the box asks for a lower threshold, the more quality is wanted', async () => {
  const { thresholdForQuality: thresholdFor } = await loadClassifier();
  const thresholds = [0.5, 0.8, 0.9, 0.95].map(thresholdFor);
  expect(thresholds).toEqual(thresholds.toSorted((a, b) => b - a));
  expect(thresholds[0]).toBeGreaterThan(thresholds[3]! + 0.1);
});
