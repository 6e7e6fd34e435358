import type { RequestRow } from '../contract/admin/requests.ts';
import { GatewayError } from '../contract/errors.ts';
import type { LedgerEntry } from '../contract/ledger-entry.ts';
import { isFromCache } from '../contract/vocabulary.ts';
import { addToTally, bucketsOf, DIFFICULTY_STEPS, type Histogram, type HistogramKind, newTally } from './histogram.ts';
import type { BreakdownDimension, LedgerReports, ReportFilter, RequestsFilter } from './ledger-reports.ts';
import type { SpendRow } from './ledger-store.ts';
import { type Summed, totalsOf } from './report-totals.ts';
import { DIMENSIONS, HOUR_MS, type Rollup, rollupsOf, STEPS, type Step, SUMS, stepStart } from './rollup.ts';
import { groupOf, type SpendQuery, type Spent, spendRows } from './spend-rows.ts';
import {
  columnOf,
  entryOf,
  type Row,
  SELECT_ALL_ATTEMPTS,
  SELECT_ALL_ENTRIES,
  SELECT_LEAN_ENTRIES,
} from './sqlite-rows.ts';

/** Runs one SELECT with `?` for values; SQLite's or Postgres's own. */
export type ReadQuery = (sql: string, values: (string | number)[]) => Promise<Row[]>;

/** Steps of a series: at most 400, no shorter than a minute, and whole days from a fortnight on, which few rows answer. */
const SERIES_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 7 * 1_440, 30 * 1_440].map(
  (minutes) => minutes * 60_000,
);
const MAX_POINTS = 400;
/** Ranges up to this are drawn by the minute, from the entries. */
const FINE_RANGE_MS = 2 * HOUR_MS;
const BY_DAY_RANGE_MS = 14 * STEPS.day;
const MAX_ROWS = 500;
/** Slices in which a history is sampled. */
const SLICES = 200;

type Timed = Omit<Rollup, 'histogram'> & { at: number; histogram: Histogram | Uint8Array };

/** Reports over any store that has the ledger's tables. Pure but for `read`. */
export const createReports = (read: ReadQuery): LedgerReports => ({
  async revision({ team }) {
    const { where, values } = conditions({ team });
    const newest = `(SELECT max(at) FROM rollups WHERE step = 'day')`;
    const [row] = await read(
      `SELECT max(at) AS at, sum(requests) AS requests FROM rollups
       WHERE ${["step = 'day'", `at >= ${newest} - ${STEPS.day}`, ...where].join(' AND ')}`,
      values,
    );
    return `${row?.['at'] ?? 0}-${row?.['requests'] ?? 0}`;
  },

  async summary(filter) {
    const { fromMs, toMs } = filter;
    const begin = fromMs - (toMs - fromMs);
    const [now, before] = await Promise.all([
      rollupsIn(read, filter),
      // Of a range of full hours so is the one before: no hour need be read request by request.
      rollupsIn(read, { ...filter, fromMs: fromMs % HOUR_MS === 0 ? ceilHour(begin) : begin, toMs: fromMs }),
    ]);
    return { now: totalsOf(now), before: totalsOf(before) };
  },

  async series(filter) {
    const { fromMs, toMs } = filter;
    const isFine = toMs - fromMs <= FINE_RANGE_MS;
    const leastMs = isFine ? 0 : toMs - fromMs < BY_DAY_RANGE_MS ? HOUR_MS : STEPS.day;
    const stepMs =
      SERIES_STEPS.find((step) => step >= leastMs && (toMs - fromMs) / step <= MAX_POINTS - 1) ??
      (SERIES_STEPS.at(-1) as number);
    const rows = isFine ? await entryRollups(read, filter) : await rollupsIn(read, filter, stepMs >= STEPS.day);
    const first = Math.floor(fromMs / stepMs) * stepMs;
    const count = Math.min(MAX_POINTS, Math.max(0, Math.ceil((toMs - first) / stepMs)));
    const byStep = Map.groupBy(rows, ({ at }) => Math.floor(at / stepMs) * stepMs);
    const points = Array.from({ length: count }, (_, i) => {
      const at = first + i * stepMs;
      const own = byStep.get(at) ?? [];
      const byTier: Record<string, number> = {};
      for (const { cache, tier, requests } of own) {
        if (requests === 0) continue;
        const name = isFromCache(cache) ? 'cache' : tier === '' ? 'none' : tier;
        byTier[name] = (byTier[name] ?? 0) + requests;
      }
      return { at, totals: totalsOf(own), byTier };
    });
    return { stepMs, points };
  },

  async breakdown({ by, tag, ...filter }) {
    const groups =
      by === 'tag' ? await tagGroups(read, filter, tag ?? '') : Map.groupBy(await rollupsIn(read, filter), nameOf(by));
    const rows = [...groups]
      .map(([name, own]) => ({ name: name === '' ? null : name, totals: totalsOf(own) }))
      .sort((a, b) => b.totals.costNanoUsd - a.totals.costNanoUsd || b.totals.requests - a.totals.requests);
    return { rows: rows.slice(0, MAX_ROWS), isComplete: rows.length <= MAX_ROWS };
  },

  async difficulty(filter) {
    const steps = Array.from({ length: DIFFICULTY_STEPS }, (_, i) => ({
      from: i / DIFFICULTY_STEPS,
      counts: {} as Record<string, number>,
    }));
    for (const [tier, rows] of Map.groupBy(await rollupsIn(read, filter), nameOf('tier'))) {
      const tally = newTally();
      for (const { histogram } of rows) addToTally(tally, histogram);
      const add = (kind: HistogramKind, name: string) => {
        for (const [bucket, number] of bucketsOf(tally, kind)) {
          const counts = steps[bucket]?.counts;
          if (counts !== undefined) counts[name] = (counts[name] ?? 0) + number;
        }
      };
      add('difficultyAnswered', tier === '' ? 'none' : tier);
      add('difficultyEscalated', 'escalated');
      add('difficultyFailed', 'failed');
    }
    return { steps };
  },

  async requests({ cursor, limit, ...filter }) {
    const { where, values } = conditions(filter);
    const after = cursor === undefined ? null : parseCursor(cursor);
    if (after !== null) {
      // As one row value, which the index by time can find: a page is as quick after a hundred thousand rows as at first.
      where.push('(at, id) < (?, ?)');
      values.push(...after);
    }
    const order = 'at DESC, id DESC';
    const entries: LedgerEntry[] = [];
    for (const span of await spansOf(read, filter, after?.[0])) {
      const [wanted, within] = [limit + 1 - entries.length, conditions(span)];
      if (wanted <= 0) break;
      const found = [...values, ...within.values];
      entries.push(...(await readEntries(read, [...where, ...within.where], found, order, wanted)));
    }
    const rows = entries.slice(0, limit).map(toRequestRow);
    const last = rows.at(-1);
    return { rows, next: entries.length > limit && last !== undefined ? toCursor(last) : null };
  },

  async request({ id, team }) {
    const { where, values } = conditions({ team });
    const [entry] = await readEntries(read, ['id = ?', ...where], [id, ...values], 'at', 1);
    return entry ?? null;
  },

  async history({ fromMs, toMs, team, limit }) {
    const total = totalsOf(await rollupsIn(read, { fromMs, toMs, team })).requests;
    const { where, values } = conditions({ team });
    const inSlice = async (from: number, to: number, most: number) =>
      readEntries(read, ['at >= ?', 'at < ?', ...where], [from, to, ...values], 'at, id', most);
    if (total <= limit) return { entries: await inSlice(fromMs, toMs, limit), total, isSample: false };
    const entries: LedgerEntry[] = [];
    const width = (toMs - fromMs) / SLICES;
    for (let i = 0; i < SLICES; i++) {
      const from = Math.ceil(fromMs + i * width);
      entries.push(...(await inSlice(from, Math.ceil(fromMs + (i + 1) * width), Math.ceil(limit / SLICES))));
    }
    return { entries, total, isSample: true };
  },
});

type Span = { fromMs?: number | undefined; toMs?: number | undefined };

/**
 * The spans of hours, newest first, that the roll-ups say hold what a filter lets through: few of a million requests are
 * errors, and none of the others need be read to find them. One open span where an index finds them: by
 * time, by team, by the client's own id.
 */
const spansOf = async (
  read: ReadQuery,
  filter: Omit<RequestsFilter, 'limit' | 'cursor'>,
  beforeMs?: number,
): Promise<Span[]> => {
  const { team: _team, fromMs, toMs, ...rest } = filter;
  if (filter.clientRequestId !== undefined || Object.values(rest).every((value) => value === undefined)) return [{}];
  const { where, values } = conditions({
    ...filter,
    fromMs: fromMs === undefined ? undefined : stepStart(fromMs, 'hour'),
    toMs: beforeMs === undefined ? toMs : beforeMs + 1,
  });
  const hours = await read(
    `SELECT DISTINCT at FROM rollups WHERE ${["step = 'hour'", 'requests > 0', ...where].join(' AND ')} ORDER BY at DESC`,
    values,
  );
  const spans: { fromMs: number; toMs: number }[] = [];
  for (const at of hours.map((hour) => Number(hour['at']))) {
    const last = spans.at(-1);
    if (last?.fromMs === at + HOUR_MS) last.fromMs = at;
    else spans.push({ fromMs: at, toMs: at + HOUR_MS });
  }
  return spans;
};

/** The spend report from the roll-ups; @see LedgerStore.spend. */
export const readSpend = async (read: ReadQuery, { sinceMs, untilMs, by, tag }: SpendQuery): Promise<SpendRow[]> => {
  const filter = { fromMs: sinceMs, toMs: untilMs };
  if (by === 'tag') return spendRows((await tagGroups(read, filter, tag ?? '')) as Map<string, Spent[]>, by);
  const rollups = await rollupsIn(read, filter, by !== 'hour');
  return spendRows(
    Map.groupBy(rollups, (rollup) => groupOf(rollup, by)),
    by,
  );
};

const ceilHour = (at: number): number => Math.ceil(at / HOUR_MS) * HOUR_MS;

/** The column by which a breakdown groups. */
const nameOf =
  (by: Exclude<BreakdownDimension, 'tag'>) =>
  (row: Timed): string =>
    row[by === 'key' ? 'keyId' : by];

/** Names of columns are fixed text; values are parameters. */
const conditions = (filter: Partial<Omit<RequestsFilter, 'limit' | 'cursor'>>) => {
  const where: string[] = [];
  const values: (string | number)[] = [];
  const add = (condition: string, value: string | number | undefined) => {
    if (value === undefined) return;
    where.push(condition);
    values.push(value);
  };
  add('at >= ?', filter.fromMs);
  add('at < ?', filter.toMs);
  for (const name of ['team', 'keyId', 'route', 'tier', 'model', 'outcome', 'cache', 'clientRequestId'] as const) {
    add(`${columnOf(name)} = ?`, filter[name]);
  }
  return { where, values };
};

/**
 * Everything of the range as roll-ups: whole days by day, whole hours by hour, and the parts of hours at its ends from
 * the entries themselves, so that a range is exact to the millisecond.
 * @param byDay whether days may stay whole; a series by the hour needs the hours.
 */
const rollupsIn = async (read: ReadQuery, filter: ReportFilter, byDay = true): Promise<Timed[]> => {
  const { fromMs, toMs } = filter;
  const firstHour = ceilHour(fromMs);
  // A range that ends now or later has the hour under way whole.
  const [newest] = await read('SELECT max(at) AS at FROM entries', []);
  const isToTheEnd = Number(newest?.['at'] ?? 0) < toMs;
  const lastHour = isToTheEnd ? ceilHour(toMs) : stepStart(toMs, 'hour');
  if (firstHour >= lastHour) return entryRollups(read, filter);
  const firstDay = Math.ceil(firstHour / STEPS.day) * STEPS.day;
  const lastDay = stepStart(lastHour, 'day');
  const hasDays = byDay && firstDay < lastDay;
  const pieces = await Promise.all([
    entryRollups(read, { ...filter, toMs: firstHour }),
    isToTheEnd ? [] : entryRollups(read, { ...filter, fromMs: lastHour }),
    ...(hasDays
      ? [
          storedRollups(read, 'hour', { ...filter, fromMs: firstHour, toMs: firstDay }),
          storedRollups(read, 'day', { ...filter, fromMs: firstDay, toMs: lastDay }),
          storedRollups(read, 'hour', { ...filter, fromMs: lastDay, toMs: lastHour }),
        ]
      : [storedRollups(read, 'hour', { ...filter, fromMs: firstHour, toMs: lastHour })]),
  ]);
  return pieces.flat();
};

const SUM_LIST = [...SUMS.map((sum) => `${columnOf(sum)} AS "${sum}"`), 'histogram'].join(', ');
const ROLLUP_LIST = ['at', ...DIMENSIONS.map((name) => `${columnOf(name)} AS "${name}"`), SUM_LIST].join(', ');

const storedRollups = async (read: ReadQuery, step: Step, filter: ReportFilter): Promise<Timed[]> => {
  if (filter.fromMs >= filter.toMs) return [];
  const { where, values } = conditions(filter);
  const rows = await read(`SELECT ${ROLLUP_LIST} FROM rollups WHERE ${['step = ?', ...where].join(' AND ')}`, [
    step,
    ...values,
  ]);
  return rows as unknown as Timed[];
};

const entryRollups = async (read: ReadQuery, { tier, model, ...filter }: ReportFilter): Promise<Timed[]> => {
  if (filter.fromMs >= filter.toMs) return [];
  const { where, values } = conditions(filter);
  const entries = await readEntries(read, where, values, 'at', undefined, SELECT_LEAN_ENTRIES);
  return entries
    .flatMap((entry) => rollupsOf(entry).map((rollup) => ({ ...rollup, at: entry.at })))
    .filter(
      (rollup) => (tier === undefined || rollup.tier === tier) && (model === undefined || rollup.model === model),
    );
};

/** By the values of one tag; requests without it are the group without a name. */
const tagGroups = async (read: ReadQuery, filter: ReportFilter, tag: string): Promise<Map<string, Summed[]>> => {
  if ([filter.keyId, filter.route, filter.tier, filter.model].some((value) => value !== undefined)) {
    throw new GatewayError('invalid_value', 'A breakdown by tag can be filtered by team alone.', { param: 'by' });
  }
  const { fromMs, toMs, team } = filter;
  const firstHour = ceilHour(fromMs);
  const lastHour = stepStart(toMs, 'hour');
  const groups = new Map<string, Summed[]>();
  const add = (value: string, row: Summed) => {
    const own = groups.get(value);
    if (own === undefined) groups.set(value, [row]);
    else own.push(row);
  };
  const addEntries = async (from: number, to: number) => {
    if (from >= to) return;
    const { where, values } = conditions({ fromMs: from, toMs: to, team });
    for (const entry of await readEntries(read, where, values, 'at')) {
      const value = entry.tags[tag];
      if (value !== undefined) for (const rollup of rollupsOf(entry)) add(value, rollup);
    }
  };
  if (firstHour >= lastHour) await addEntries(fromMs, toMs);
  else {
    await addEntries(fromMs, firstHour);
    await addEntries(lastHour, toMs);
    const firstDay = Math.ceil(firstHour / STEPS.day) * STEPS.day;
    const lastDay = stepStart(lastHour, 'day');
    const pieces: [Step, number, number][] =
      firstDay < lastDay
        ? [
            ['hour', firstHour, firstDay],
            ['day', firstDay, lastDay],
            ['hour', lastDay, lastHour],
          ]
        : [['hour', firstHour, lastHour]];
    for (const [step, from, to] of pieces) {
      const { where, values } = conditions({ fromMs: from, toMs: to, team });
      const sql = `SELECT value, cache, outcome, ${SUM_LIST} FROM tag_rollups WHERE ${['step = ?', 'tag = ?', ...where].join(' AND ')}`;
      for (const row of await read(sql, [step, tag, ...values])) {
        add(String(row['value']), row as unknown as Summed);
      }
    }
  }
  return groups;
};

const readEntries = async (
  read: ReadQuery,
  where: string[],
  values: (string | number)[],
  order: string,
  limit?: number,
  select = SELECT_ALL_ENTRIES,
): Promise<LedgerEntry[]> => {
  const tail = `WHERE ${where.length > 0 ? where.join(' AND ') : '1 = 1'} ORDER BY ${order}${limit === undefined ? '' : ' LIMIT ?'}`;
  const all = limit === undefined ? values : [...values, limit];
  const entries = await read(`${select} ${tail}`, all);
  if (entries.length === 0) return [];
  const attempts = await read(
    `${SELECT_ALL_ATTEMPTS} WHERE entry_id IN (SELECT id FROM entries ${tail}) ORDER BY entry_id, position`,
    all,
  );
  const byEntry = Map.groupBy(attempts, (row) => row['entryId']);
  return entries.map((row) => entryOf(row, byEntry.get(row['id']) ?? []));
};

const toRequestRow = ({ tokens, attempts, ...entry }: LedgerEntry): RequestRow => ({
  id: entry.id,
  at: entry.at,
  endpoint: entry.endpoint,
  team: entry.team,
  keyId: entry.keyId,
  requestedModel: entry.requestedModel,
  route: entry.route,
  tier: entry.tier,
  upstream: entry.upstream,
  model: entry.model,
  difficulty: entry.difficulty,
  reason: entry.reason,
  isStream: entry.isStream,
  cache: entry.cache,
  outcome: entry.outcome,
  status: entry.status,
  errorCode: entry.errorCode,
  costNanoUsd: entry.costNanoUsd,
  savedNanoUsd: entry.savedNanoUsd,
  firstTokenMs: entry.firstTokenMs,
  totalMs: entry.totalMs,
  promptTokens: tokens.promptTokens,
  completionTokens: tokens.completionTokens,
  attempts: attempts.length,
});

const toCursor = ({ at, id }: RequestRow): string => Buffer.from(`${at} ${id}`).toString('base64url');

const parseCursor = (cursor: string): [number, string] => {
  const [, at, id] = /^(\d{1,16}) (\S{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
  if (at === undefined || id === undefined) {
    throw new GatewayError('invalid_value', 'cursor: it is none that this list gave.', { param: 'cursor' });
  }
  return [Number(at), id];
};
