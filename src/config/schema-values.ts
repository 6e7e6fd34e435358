import { z } from 'zod';
import { isTimeZone } from '../lib/time-zone.ts';

/**
 * Names of upstreams, tiers, routes and teams. `patternErrorMessage`, here and below, says in words what a pattern asks
 * for: error messages and editors show it.
 */
export const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/)
  .meta({ patternErrorMessage: 'a name of at most 63 letters, digits, dots, dashes and underscores' });

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parsed to milliseconds. */
export const duration = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,3})?(ms|s|m|h|d)$/)
  .meta({ patternErrorMessage: 'a duration such as 500ms, 30s, 10m, 1h or 7d' })
  .transform((text) => {
    const unit = text.replace(/[\d.]/g, '');
    return Number.parseFloat(text) * (UNIT_MS[unit] ?? 1);
  });

/** A duration of a timer: Node fires timers of more than 2^31 ms (24.8 days) at once. */
export const timeout = duration.refine((ms) => ms >= 1 && ms <= 24 * 86_400_000, 'a timeout is between 1ms and 24d');

/** Of a whole. */
export const share = z.number().min(0).max(1);
/** A list, or its one item without brackets. */
export const oneOrMore = <Item extends z.ZodType>(item: Item) => z.union([item, z.array(item).min(1)]);

/** Stays text. */
export const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/)
  .meta({ patternErrorMessage: 'a time of day from 00:00 to 23:59' });

/** Names of the IANA time zone database that this Node knows. */
export const timeZone = z.string().refine(isTimeZone, 'no such time zone; write one like Europe/Berlin, or UTC');

/** Parsed to a share, 0 to 1. */
export const percentage = z
  .string()
  .regex(/^(100|\d{1,2})(\.\d{1,2})?%$/)
  .meta({ patternErrorMessage: 'a percentage such as 25%' })
  .transform((text) => Math.min(1, Number.parseFloat(text) / 100));
