import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Calendar, type Period } from '../../src/limits/period.ts';

const HOUR_MS = 3_600_000;

const at = (per: Period['per'], timeZone: string, moment: string): Period =>
  new Calendar().periodAt({ per, timeZone }, Date.parse(moment));
const bounds = ({ startMs, endMs }: Period) => [new Date(startMs).toISOString(), new Date(endMs).toISOString()];

describe('a period begins at midnight of its first day, where it is kept', () => {
  test.each([
    ['day', 'UTC', '2026-11-22T10:00:00Z', '2026-11-22T00:00:00.000Z', '2026-11-23T00:00:00.000Z'],
    ['day', 'Europe/Berlin', '2026-11-22T23:30:00Z', '2026-11-22T23:00:00.000Z', '2026-11-23T23:00:00.000Z'],
    ['day', 'Pacific/Kiritimati', '2026-11-22T10:00:00Z', '2026-11-22T10:00:00.000Z', '2026-11-23T10:00:00.000Z'],
    ['day', 'Pacific/Pago_Pago', '2026-11-22T10:59:59Z', '2026-11-21T11:00:00.000Z', '2026-11-22T11:00:00.000Z'],
    ['day', 'Asia/Kathmandu', '2026-11-22T10:00:00Z', '2026-11-21T18:15:00.000Z', '2026-11-22T18:15:00.000Z'],
    // 22 November 2026 is a Sunday, the last day of its week.
    ['week', 'UTC', '2026-11-22T10:00:00Z', '2026-11-16T00:00:00.000Z', '2026-11-23T00:00:00.000Z'],
    ['week', 'America/New_York', '2026-11-23T04:59:59Z', '2026-11-16T05:00:00.000Z', '2026-11-23T05:00:00.000Z'],
    ['month', 'UTC', '2026-02-28T23:59:59Z', '2026-02-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
    ['month', 'Europe/Berlin', '2026-12-31T23:00:00Z', '2026-12-31T23:00:00.000Z', '2027-01-31T23:00:00.000Z'],
    // Clocks change inside: the month has an hour less, and one more.
    ['month', 'Europe/Berlin', '2026-03-15T00:00:00Z', '2026-02-28T23:00:00.000Z', '2026-03-31T22:00:00.000Z'],
    ['month', 'Europe/Berlin', '2026-10-15T00:00:00Z', '2026-09-30T22:00:00.000Z', '2026-10-31T23:00:00.000Z'],
    // There was no midnight in São Paulo on 4 November 2018, and no 30 December 2011 in Samoa.
    ['day', 'America/Sao_Paulo', '2018-11-04T12:00:00Z', '2018-11-04T03:00:00.000Z', '2018-11-05T02:00:00.000Z'],
    ['day', 'Pacific/Apia', '2011-12-30T09:59:59Z', '2011-12-29T10:00:00.000Z', '2011-12-30T10:00:00.000Z'],
  ] as const)('%s in %s at %s', (per, timeZone, moment, start, end) => {
    expect(bounds(at(per, timeZone, moment))).toEqual([start, end]);
  });
});

test('a day on which clocks change has 23 or 25 hours', () => {
  const hours = (moment: string) => {
    const { startMs, endMs } = at('day', 'Europe/Berlin', moment);
    return (endMs - startMs) / HOUR_MS;
  };
  expect([hours('2026-03-29T12:00:00Z'), hours('2026-10-25T12:00:00Z'), hours('2026-06-01T12:00:00Z')]).toEqual([
    23, 25, 24,
  ]);
});

test('all time has one period', () => {
  expect(at('total', 'UTC', '2026-11-22T10:00:00Z')).toMatchObject({ key: 'total', startMs: 0, endMs: Infinity });
});

test('every moment is in its own period, periods follow each other without a gap, and their keys differ', () => {
  const calendar = new Calendar();
  fc.assert(
    fc.property(
      fc.constantFrom('day', 'week', 'month'),
      fc.constantFrom('UTC', 'Europe/Berlin', 'America/Santiago', 'Australia/Lord_Howe', 'Asia/Tehran'),
      fc.integer({ min: Date.UTC(2015, 0), max: Date.UTC(2040, 0) }),
      (per, timeZone, moment) => {
        const period = calendar.periodAt({ per, timeZone }, moment);
        expect(moment >= period.startMs && moment < period.endMs).toBe(true);
        const next = calendar.periodAt({ per, timeZone }, period.endMs);
        expect(next.startMs).toBe(period.endMs);
        expect(next.key).not.toBe(period.key);
        expect(calendar.periodAt({ per, timeZone }, period.startMs)).toEqual(period);
      },
    ),
    { numRuns: 150 },
  );
});
