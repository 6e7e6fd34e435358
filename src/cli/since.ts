import { UsageError } from '../lib/usage-error.ts';

const UNIT_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * `90m`, `24h`, `7d` before now, or an ISO date, which is midnight UTC without a time, in Unix milliseconds.
 * @throws UsageError for anything else.
 */
export const parseSince = (since: string, now: number): number => {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(since) ?? [];
  const date = /^\d{4}-\d\d-\d\d/.test(since) ? Date.parse(since) : Number.NaN;
  const at = count ? now - Number(count) * (UNIT_MS[unit] ?? 0) : date;
  if (Number.isNaN(at)) throw new UsageError(`--since ${since}: write 90m, 24h, 7d, or a date such as 2026-11-01`);
  return at;
};
