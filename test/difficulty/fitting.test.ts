import { expect, test } from 'vitest';
import { minimise } from '../../src/difficulty/lbfgs.ts';
import { fitRidge } from '../../src/difficulty/ridge-regression.ts';
import { seededRandom } from '../../src/difficulty/seeded-random.ts';
import { fitSoftmax, softmax } from '../../src/difficulty/softmax-regression.ts';

test('the minimum of a stretched bowl is found', () => {
  const evaluate = (at: Float64Array) => {
    const [x, y] = [at[0]! - 3, at[1]! + 2];
    return { value: x * x + 50 * y * y, gradient: Float64Array.of(2 * x, 100 * y) };
  };
  const [x, y] = minimise(evaluate, new Float64Array(2));
  expect(x).toBeCloseTo(3, 4);
  expect(y).toBeCloseTo(-2, 4);
});

test('shares of classes sum to 1 whatever the size of the scores', () => {
  expect([...softmax(Float64Array.of(1e4, 1e4, -1e4))]).toEqual([0.5, 0.5, 0]);
});

test('classes that a line parts are told apart, and the same examples give the same bits', () => {
  const random = seededRandom(3);
  const examples = Array.from({ length: 300 }, () => {
    const features = [random() * 2 - 1, random() * 2 - 1];
    return { features, label: features[0]! > 0.3 ? 2 : features[1]! > 0 ? 1 : 0, weight: 1 };
  });
  const { weights, biases } = fitSoftmax(examples, 3, 1e-4);
  const guess = (features: number[]) => {
    const scores = weights.map((row, k) => biases[k]! + row[0]! * features[0]! + row[1]! * features[1]!);
    return scores.indexOf(Math.max(...scores));
  };
  expect(examples.filter(({ features, label }) => guess(features) === label).length).toBeGreaterThan(280);
  expect(fitSoftmax(examples, 3, 1e-4)).toEqual({ weights, biases });
});

test('least squares recovers the slopes; a penalty shrinks them; a feature that never varies gets 0', () => {
  const random = seededRandom(4);
  const examples = Array.from({ length: 200 }, () => {
    const features = [random() - 0.5, random() - 0.5, 0];
    return { features, target: 2 * features[0]! - features[1]!, weight: 1 };
  });
  const [a, b, c] = fitRidge(examples, 0);
  expect([a, b, c].map((value) => Number(value!.toFixed(6)))).toEqual([2, -1, 0]);
  expect(fitRidge(examples, 1)[0]).toBeLessThan(1.5);
});
