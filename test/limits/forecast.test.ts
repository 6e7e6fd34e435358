import { expect, test } from 'vitest';
import { forecastOf } from '../../src/limits/forecast.ts';
import { Calendar } from '../../src/limits/period.ts';

const NOON = Date.UTC(2026, 10, 22, 12);
const day = new Calendar().periodAt({ per: 'day', timeZone: 'UTC' }, NOON);

test.each([
  ['nothing spent', 0, 0, null],
  ['half of what would be too much', 40, 80, null],
  ['on the way to more than there is', 75, 150, '2026-11-22T16:00:00.000Z'],
  ['all of it', 100, 200, '2026-11-22T12:00:00.000Z'],
])('a straight line to the end of the period: %s', (_what, spent, atEnd, exhaustedAt) => {
  const forecast = forecastOf(spent, 100, day, NOON);
  expect(forecast.atEndNanoUsd).toBe(atEnd);
  expect(forecast.exhaustedAtMs && new Date(forecast.exhaustedAtMs).toISOString()).toBe(exhaustedAt);
});

test('all time and a period that has just begun have no forecast', () => {
  const total = new Calendar().periodAt({ per: 'total', timeZone: 'UTC' }, NOON);
  const none = { atEndNanoUsd: null, exhaustedAtMs: null };
  expect(forecastOf(5, 100, total, NOON)).toEqual(none);
  expect(forecastOf(5, 100, day, day.startMs)).toEqual(none);
});
