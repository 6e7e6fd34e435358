import type { MatchTime } from '../config/match-schema.ts';

type Day = NonNullable<MatchTime['days']>[number];
const DAYS: readonly Day[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** Tells whether a moment (Unix milliseconds) lies in a window of the week. */
export type TimeWindow = (at: number) => boolean;

/**
 * A weekly window on the clock of its time zone, daylight saving included. `from` belongs to it, `to` does not; a window
 * whose `to` is not after its `from` runs past midnight, and its later part belongs to the day on which it began.
 */
export const createTimeWindow = ({ from, to, days, timeZone }: MatchTime): TimeWindow => {
  const local = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const [start, end] = [minutesOf(from), minutesOf(to)];
  const isDay = (day: number) => days === undefined || days.includes(DAYS[(day + 7) % 7]!);
  return (at) => {
    const parts = Object.fromEntries(local.formatToParts(at).map(({ type, value }) => [type, value]));
    const day = DAYS.indexOf(parts['weekday']?.toLowerCase() as Day);
    const minute = minutesOf(`${parts['hour']}:${parts['minute']}`);
    if (start < end) return isDay(day) && minute >= start && minute < end;
    return (isDay(day) && minute >= start) || (isDay(day - 1) && minute < end);
  };
};

const minutesOf = (time: string): number => {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
};
