import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shortened, timeTicks, valueTicks } from '../../src/dashboard/lib/axis.ts';
import { change, count, milliseconds, money } from '../../src/dashboard/lib/format.ts';

test('an axis begins at 0, reaches its highest value, and has a few round steps', () => {
  expect(valueTicks(0)).toEqual([0, 1]);
  expect(valueTicks(100)).toEqual([0, 25, 50, 75, 100]);
  fc.assert(
    fc.property(fc.double({ min: 1e-9, max: 1e15, noNaN: true }), (max) => {
      const ticks = valueTicks(max);
      expect(ticks[0]).toBe(0);
      expect(ticks.at(-1)).toBeGreaterThanOrEqual(max * 0.99);
      expect(ticks.length).toBeGreaterThanOrEqual(3);
      expect(ticks.length).toBeLessThanOrEqual(6);
    }),
  );
});

test('moments of an axis lie in its range, are few, and fall on days where it is long', () => {
  const from = Date.parse('2026-11-15T13:37:00Z');
  const week = timeTicks(from, from + 7 * 86_400_000);
  expect(week).toHaveLength(7);
  expect(new Set(week.map((at) => new Date(at).getHours()))).toEqual(new Set([0]));
  fc.assert(
    fc.property(fc.integer({ min: 60_000, max: 400 * 86_400_000 }), (span) => {
      const ticks = timeTicks(from, from + span);
      expect(ticks.length).toBeLessThanOrEqual(9);
      expect(ticks.every((at) => at >= from && at <= from + span)).toBe(true);
    }),
  );
});

test('figures have a unit, few digits, and a word where nothing is known', () => {
  expect([0, 4_960_000_000, 87_500, 1_234_567_000_000_000, -2_500_000, 1, null].map(money)).toEqual([
    '$0',
    '$4.96',
    '$0.0000875',
    '$1,234,567',
    '−$0.00250',
    '<$0.000001',
    'unknown',
  ]);
  expect([0, 9.96, 640, 6_300, 5_400_000, null].map(milliseconds)).toEqual([
    '0 ms',
    '10.0 ms',
    '640 ms',
    '6.3 s',
    '1 h 30 min',
    '–',
  ]);
  expect([0, 99_999, 2_900_000, 7_300_000_000, undefined].map(count)).toEqual(['0', '99,999', '2.9M', '7.3B', '–']);
  expect([change(3, 0), change(110, 100), change(99.9, 100), change(5_000, 1)]).toEqual([
    null,
    '+10 %',
    '±0 %',
    '> +999 %',
  ]);
  expect(['$0.340', '10.0 s', '$5.00', '120', '2.5 s'].map(shortened)).toEqual(['$0.34', '10 s', '$5', '120', '2.5 s']);
});
