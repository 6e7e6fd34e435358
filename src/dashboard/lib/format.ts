const locale = 'en-US';
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
const time = new Intl.DateTimeFormat(locale, { timeStyle: 'medium', hourCycle: 'h23' });
const brief = new Intl.DateTimeFormat(locale, {
  month: 'short',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const shortClock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric' });

export const UNKNOWN = 'unknown';

/** Integer nano-USD as dollars: two decimals from a dollar up, three significant digits below. Null is an unknown price. */
export const money = (nanoUsd: number | null | undefined): string => {
  if (nanoUsd === null || nanoUsd === undefined) return UNKNOWN;
  const usd = nanoUsd / 1e9;
  const sign = usd < 0 ? '−' : '';
  const size = Math.abs(usd);
  if (size === 0) return '$0';
  if (size >= 1_000) return `${sign}$${whole.format(size)}`;
  if (size >= 1) return `${sign}$${size.toFixed(2)}`;
  if (size < 1e-6) return `${sign}<$0.000001`;
  return `${sign}$${size.toFixed(Math.min(9, 2 - Math.floor(Math.log10(size))))}`;
};

export const count = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : value >= 100_000 ? compact.format(value) : whole.format(value);

/** A share from 0 to 1 as percent. */
export const percent = (share: number | null | undefined, digits = 1): string =>
  share === null || share === undefined || Number.isNaN(share) ? '–' : `${(share * 100).toFixed(digits)} %`;

export const milliseconds = (ms: number | null | undefined): string => {
  if (ms === null || ms === undefined) return '–';
  if (ms === 0) return '0 ms';
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : duration(ms / 1_000);
};

export const duration = (seconds: number): string => {
  const [days, hours, minutes] = [seconds / 86_400, (seconds / 3_600) % 24, (seconds / 60) % 60].map(Math.floor) as [
    number,
    number,
    number,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
};

export const energy = (wattHours: number | null | undefined): string => {
  if (wattHours === null || wattHours === undefined) return '–';
  return wattHours >= 1_000
    ? `${(wattHours / 1_000).toFixed(2)} kWh`
    : `${wattHours.toFixed(wattHours < 10 ? 2 : 0)} Wh`;
};

export const bytes = (size: number | null | undefined): string => {
  if (size === null || size === undefined) return '–';
  const unit = Math.min(4, Math.floor(Math.log2(Math.max(1, size)) / 10));
  return `${(size / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`;
};

export const moment = (at: number | string): string => clock.format(new Date(at));

/** A moment as in a log: of today the time, of other days of the year the day too. */
export const shortMoment = (at: number): string =>
  new Date(at).toDateString() === new Date().toDateString() ? time.format(at) : brief.format(at);

/** A label for a point of a time axis, by how long the whole axis is. */
export const tick = (at: number, spanMs: number): string =>
  spanMs > 2 * 86_400_000 ? shortDay(at) : shortClock.format(at);

/** A day of this year, such as `Nov 5`. */
export const shortDay = (at: number): string => day.format(at);

export const NO_CHANGE = '±0 %';

/** How a figure changed against the range before, such as `+12 %`; null where there is nothing to compare with. */
export const change = (now: number | null | undefined, before: number | null | undefined): string | null => {
  if (now === null || now === undefined || !before) return null;
  const share = (now - before) / Math.abs(before);
  if (Math.abs(share) < 0.005) return NO_CHANGE;
  if (Math.abs(share) > 9.99) return share > 0 ? '> +999 %' : '< −999 %';
  return `${share >= 0 ? '+' : '−'}${Math.abs(share * 100).toFixed(0)} %`;
};
