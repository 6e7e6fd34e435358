import { expect, test } from 'vitest';
import { applyMap, fitIsotonic, fitPlatt, type LogitLabel } from '../../src/difficulty/calibration-map.ts';

const label = (logit: number, chance: number): LogitLabel => ({ logit, label: chance, weight: 1 });
const RISING = [-2, -1, 0, 1, 2].map((logit) => label(logit, 1 / (1 + Math.exp(-(0.5 * logit - 1)))));

test("Platt's map finds the line that made the labels", () => {
  const map = fitPlatt(RISING);
  expect(map.kind === 'platt' && map.slope).toBeCloseTo(0.5, 2);
  expect(applyMap(map, 0)).toBeCloseTo(1 / (1 + Math.E), 3);
});

test('a score that ranks backwards is flattened to the average, never turned round', () => {
  const map = fitPlatt(RISING.map(({ logit, label: chance }) => label(-logit, chance)));
  expect(applyMap(map, 2)).toBeGreaterThanOrEqual(applyMap(map, -2));
  expect(applyMap(map, 2) - applyMap(map, -2)).toBeLessThan(0.02);
});

test('the isotonic map rises, pools what falls and stays flat outside the labels', () => {
  const map = fitIsotonic([label(0, 0.1), label(1, 0.5), label(2, 0.3), label(3, 0.9)]);
  expect(map).toEqual({ kind: 'isotonic', logits: [0, 1.5, 3], chances: [0.1, 0.4, 0.9] });
  expect([-9, 0.75, 1.5, 99].map((logit) => applyMap(map, logit))).toEqual([0.1, 0.25, 0.4, 0.9]);
});

test('equal scores share one point', () => {
  expect(fitIsotonic([label(1, 0), label(1, 1)])).toEqual({ kind: 'isotonic', logits: [1], chances: [0.5] });
});
