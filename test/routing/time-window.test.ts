import { describe, expect, test } from 'vitest';
import type { MatchTime } from '../../src/config/match-schema.ts';
import { createTimeWindow } from '../../src/routing/time-window.ts';

const isIn = (window: Partial<MatchTime>, at: string): boolean =>
  createTimeWindow({ from: '00:00', to: '00:00', timeZone: 'UTC', ...window })(Date.parse(at));

describe('a window of the week', () => {
  test.each([
    ['its beginning belongs to it', { from: '09:00', to: '17:00' }, '2026-03-02T09:00:00Z', true],
    ['its end does not', { from: '09:00', to: '17:00' }, '2026-03-02T17:00:00Z', false],
    ['no hours are the whole day', { days: ['mon'] }, '2026-03-02T23:59:00Z', true],
    ['other days are outside', { days: ['mon'] }, '2026-03-03T00:00:00Z', false],
    ['it may run past midnight', { from: '22:00', to: '06:00' }, '2026-03-02T03:00:00Z', true],
    [
      'the night belongs to the day it began',
      { from: '22:00', to: '06:00', days: ['fri'] },
      '2026-03-07T03:00:00Z',
      true,
    ],
    ['and not to the day it ends', { from: '22:00', to: '06:00', days: ['sat'] }, '2026-03-07T03:00:00Z', false],
    [
      'the clock is that of its zone',
      { from: '22:00', to: '23:00', timeZone: 'Asia/Tokyo' },
      '2026-03-02T13:30:00Z',
      true,
    ],
    ['before daylight saving', { from: '08:00', to: '09:00', timeZone: 'Europe/Berlin' }, '2026-03-28T07:30:00Z', true],
    ['and after', { from: '08:00', to: '09:00', timeZone: 'Europe/Berlin' }, '2026-03-29T06:30:00Z', true],
    ['midnight is the first minute', { from: '00:00', to: '00:01' }, '2026-03-02T00:00:30Z', true],
  ] as [string, Partial<MatchTime>, string, boolean][])('%s', (_, window, at, expected) => {
    expect(isIn(window, at)).toBe(expected);
  });
});
