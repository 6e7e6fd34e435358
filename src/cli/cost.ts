import type { LedgerStore, SpendDimension, SpendRow } from '../ledger/ledger-store.ts';
import { emptySpendRow, type SpendQuery } from '../ledger/spend-rows.ts';
import type { Clock } from '../lib/clock.ts';
import { formatUsd } from '../lib/money.ts';

export type CostOptions = {
  /** `90m`, `24h`, `7d` (the default) before now, or an ISO date, which is midnight UTC without a time. */
  since?: string;
  by?: string;
  /** With `by: 'tag'`: its name. */
  tag?: string;
  json?: boolean;
  csv?: boolean;
};

type Output = { write(text: string): unknown };

export type CostContext = {
  /** Null when there is no ledger yet. @throws Error when there is one that cannot be read. The command closes it. */
  openLedger(): LedgerStore | null;
  stdout: Output;
  stderr: Output;
  clock: Pick<Clock, 'now'>;
};

/** `rightsize cost`: spend and savings until now, to stdout. @returns the exit code: 0, 1 unreadable, 2 wrong usage. */
export const costCommand = async (options: CostOptions, { openLedger, stdout, stderr, clock }: CostContext) => {
  const query = parseOptions(options, clock.now());
  if (typeof query === 'string') {
    stderr.write(`rightsize cost: ${query}\n`);
    return 2;
  }
  try {
    const ledger = openLedger();
    if (!ledger) stderr.write('There is no ledger yet: it begins with the first request to the gateway.\n');
    stdout.write(formatOf(options)(await readReport(ledger, query)));
    return 0;
  } catch (error) {
    stderr.write(`rightsize cost: ${(error as Error).message}\n`);
    return 1;
  }
};

type Query = SpendQuery;
type Report = Query & { total: SpendRow; rows: SpendRow[] };

const readReport = async (ledger: LedgerStore | null, { by, tag, ...period }: Query): Promise<Report> => {
  try {
    const [total = emptySpendRow('all')] = (await ledger?.spend(period)) ?? [];
    const rows = (by && (await ledger?.spend({ ...period, by, tag }))) ?? [];
    return { ...period, by, total, rows };
  } finally {
    await ledger?.close();
  }
};

const DIMENSIONS: readonly string[] = [...['team', 'key', 'model', 'route', 'tier', 'upstream', 'tag', 'hour', 'day']];
const UNIT_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The query, or one line that says what is wrong. */
const parseOptions = ({ since = '7d', by, tag, json, csv }: CostOptions, now: number): Query | string => {
  if (json && csv) return 'choose --json or --csv, not both';
  if (by !== undefined && !DIMENSIONS.includes(by)) return `--by ${by}: choose one of ${DIMENSIONS.join(', ')}`;
  if ((by === 'tag') !== (tag !== undefined)) return '--by tag needs --tag <name>, and nothing else takes it';
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(since) ?? [];
  const date = /^\d{4}-\d\d-\d\d/.test(since) ? Date.parse(since) : Number.NaN;
  const sinceMs = count ? now - Number(count) * (UNIT_MS[unit] ?? 0) : date;
  if (Number.isNaN(sinceMs)) return `--since ${since}: write 90m, 24h, 7d, or a date such as 2026-11-01`;
  return { sinceMs, untilMs: now, by: by as SpendDimension | undefined, tag };
};

const formatOf = ({ json, csv }: CostOptions) => (json ? toJson : csv ? toCsv : toTable);

const withUsd = (row: SpendRow) => ({
  ...row,
  costUsd: formatUsd(row.costNanoUsd),
  savedUsd: formatUsd(row.savedNanoUsd),
});

const toJson = ({ sinceMs, untilMs, by, total, rows }: Report): string => {
  const period = { since: new Date(sinceMs).toISOString(), until: new Date(untilMs).toISOString() };
  return `${JSON.stringify({ ...period, by: by ?? null, total: withUsd(total), rows: rows.map(withUsd) }, null, 2)}\n`;
};

/** RFC 4180, without a line for the total where there are groups. */
const toCsv = ({ by, total, rows }: Report): string => {
  const columns = Object.keys(withUsd(total)) as (keyof ReturnType<typeof withUsd>)[];
  const lines = (by ? rows : [total]).map((row) => columns.map((column) => quoted(withUsd(row)[column])).join(','));
  return [columns.join(','), ...lines, ''].join('\r\n');
};

const quoted = (value: string | number) =>
  /[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : value;

const COLUMNS = ['requests', 'errors', 'cache hits', 'tokens in', 'tokens out', 'cost USD', 'saved USD'];

const toTable = ({ sinceMs, by, total, rows }: Report): string => {
  const isUnpriced = total.unpricedRequests > 0;
  const cells = (row: SpendRow) => [
    // Names can come from clients; a terminal must not obey them.
    row.group.replace(/\p{Cc}/gu, '?'),
    ...[row.requests, row.errors, row.cacheHits, row.promptTokens, row.completionTokens].map(String),
    ...[formatUsd(row.costNanoUsd), formatUsd(row.savedNanoUsd)],
    ...(isUnpriced ? [String(row.unpricedRequests)] : []),
  ];
  const header = [by ?? '', ...COLUMNS, ...(isUnpriced ? ['unpriced'] : [])];
  const table = [header, ...rows.map(cells), cells({ ...total, group: 'total' })];
  const widths = header.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  const aligned = table.map(([name = '', ...numbers]) =>
    [name.padEnd(widths[0] ?? 0), ...numbers.map((cell, i) => cell.padStart(widths[i + 1] ?? 0))].join('  ').trimEnd(),
  );
  const notes = [
    ...(isUnpriced
      ? [
          `unpriced: the model has no price, in routes.yaml or in the list, so its cost is unknown and not in these sums.`,
        ]
      : []),
    ...(total.estimatedRequests > 0 ? [`Tokens of ${total.estimatedRequests} requests are estimated.`] : []),
  ];
  return `${[`Since ${new Date(sinceMs).toISOString()}`, '', ...aligned, ...(notes.length ? ['', ...notes] : [])].join('\n')}\n`;
};
