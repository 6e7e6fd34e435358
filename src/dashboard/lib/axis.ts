const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 4, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 3, 7, 14, 28].map((days) => days * DAY),
];
const MOST_TIMES = 8;

/** Where an axis from 0 to at least `max` has its lines: four or five steps of a round size. @returns `[0, 1]` for nothing. */
export const valueTicks = (max: number): number[] => {
  if (!(max > 0)) return [0, 1];
  const rough = max / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((size) => size * unit >= rough * 0.999) ?? 10) * unit;
  return Array.from({ length: Math.ceil((max / step) * 0.999) + 1 }, (_, i) => i * step);
};

/** Round moments between two, at most eight: whole hours and days as the reader's clock has them. */
export const timeTicks = (from: number, to: number): number[] => {
  const step = TIME_STEPS.find((size) => (to - from) / size <= MOST_TIMES) ?? 90 * DAY;
  const offset = new Date(from).getTimezoneOffset() * MINUTE;
  const first = Math.ceil((from - offset) / step) * step + offset;
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, i) => first + i * step);
};

/** A value on an axis: as elsewhere, without zeros that say nothing, such as `$0.2` and `10 s`. */
export const shortened = (text: string): string => text.replace(/(\.\d*?)0+(?!\d)/, '$1').replace(/\.(?!\d)/, '');
