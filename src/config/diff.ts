import { isDeepStrictEqual } from 'node:util';
import type { LoadedConfig } from './loaded-config.ts';

type Entries = Map<string, unknown>;

/**
 * What a reload changed, one line each: `route \`default\` changed: difficulty.threshold 0.55 -> 0.6`.
 * Of upstreams only the names of keys are given: their values may be secrets. Empty when the two decide alike.
 */
export const diffConfig = ({ routes: previous }: LoadedConfig, { routes: next }: LoadedConfig): string[] => [
  ...diffEntries('upstream', byKey(previous.upstreams), byKey(next.upstreams), false),
  ...diffEntries('tier', byName(previous.tiers), byName(next.tiers), true),
  ...diffEntries('route', byName(previous.routes), byName(next.routes), true),
  ...diffEntries('team', byKey(previous.teams), byKey(next.teams), true),
  ...(isDeepStrictEqual(previous.alerts, next.alerts) ? [] : ['alerts changed']),
  ...(isDeepStrictEqual(previous.tests, next.tests) ? [] : ['tests changed']),
];

const byKey = (record: Record<string, unknown>): Entries => new Map(Object.entries(record));
const byName = (list: { name: string }[]): Entries => new Map(list.map((entry) => [entry.name, entry]));

const diffEntries = (what: string, previous: Entries, next: Entries, showsValues: boolean): string[] => {
  const lines: string[] = [];
  for (const name of previous.keys()) if (!next.has(name)) lines.push(`${what} \`${name}\` removed`);
  for (const [name, value] of next) {
    const changes = previous.has(name) ? diffValues(previous.get(name), value, showsValues) : [];
    if (!previous.has(name)) lines.push(`${what} \`${name}\` added`);
    else if (changes.length > 0) lines.push(`${what} \`${name}\` changed: ${changes.join(', ')}`);
  }
  const isRanked = what === 'tier' || what === 'route';
  const before = [...previous.keys()].filter((name) => next.has(name));
  const after = [...next.keys()].filter((name) => previous.has(name));
  if (isRanked && !isDeepStrictEqual(before, after)) lines.push(`${what}s reordered: ${[...next.keys()].join(', ')}`);
  return lines;
};

/** Changed keys at any depth, with old and new value where both are short. Lists count as one value. */
const diffValues = (previous: unknown, next: unknown, showsValues: boolean, path: string[] = []): string[] => {
  if (isDeepStrictEqual(previous, next)) return [];
  if (isMapping(previous) && isMapping(next)) {
    const keys = new Set([...Object.keys(previous), ...Object.keys(next)]);
    return [...keys].flatMap((key) => diffValues(previous[key], next[key], showsValues, [...path, key]));
  }
  return [path.join('.') + (showsValues ? ` ${show(previous)} -> ${show(next)}` : '')];
};

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const show = (value: unknown): string => {
  if (value === undefined) return 'unset';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 60 ? '…' : text;
};
