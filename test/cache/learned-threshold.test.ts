import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chanceRight, type Observation, shareServed } from '../../src/cache/learned-threshold.ts';

const options = { minSimilarity: 0.85, maxErrorRate: 0.01 };
const seen = (isRight: boolean, times: number, similarity = 0.9): Observation[] =>
  Array.from({ length: times }, () => ({ similarity, isRight }));
const share = (similarity: number, observations: Observation[] = []) =>
  shareServed(chanceRight(similarity, observations, options), options);

test('a new entry serves from the least similarity of the route on, and no sooner', () => {
  expect(chanceRight(0.85, [], options)).toBeCloseTo(0.99, 6);
  expect(share(0.85)).toBe(1);
  expect(share(0.84)).toBeLessThan(1);
});

test('one wrong answer all but ends serving at that similarity and below', () => {
  expect(share(0.9, seen(false, 1))).toBeLessThan(0.05);
  expect(share(0.86, seen(false, 1))).toBeLessThan(0.02);
});

test('right answers after it bring the entry back', () => {
  const before = share(0.9, seen(false, 1));
  expect(share(0.9, [...seen(false, 1), ...seen(true, 20)])).toBeGreaterThan(before);
});

test('of what an entry answers at most the permitted part is wrong, if its chance is what it says', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.array(fc.record({ similarity: fc.double({ min: 0.5, max: 1, noNaN: true }), isRight: fc.boolean() }), {
        maxLength: 32,
      }),
      (similarity, observations) => {
        const chance = chanceRight(similarity, observations, options);
        expect(shareServed(chance, options) * (1 - chance)).toBeLessThanOrEqual(options.maxErrorRate + 1e-6);
      },
    ),
  );
});

test('wrong answers never raise the chance', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.7, max: 1, noNaN: true }),
      fc.array(fc.record({ similarity: fc.double({ min: 0.7, max: 1, noNaN: true }), isRight: fc.boolean() }), {
        maxLength: 16,
      }),
      (similarity, observations) => {
        const chance = (more: Observation[]) => chanceRight(similarity, [...observations, ...more], options);
        // What is observed also narrows the bound, which outweighs far from the threshold what it says, a little.
        expect(chance(seen(false, 4, similarity))).toBeLessThanOrEqual(chance([]) + 1e-3);
      },
    ),
  );
});
