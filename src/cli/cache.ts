import { request } from 'undici';
import { readAdminKey } from '../auth/admin-key-file.ts';
import { type CacheReport, CacheReportSchema } from '../contract/admin/cache.ts';
import { UsageError } from '../lib/usage-error.ts';
import { readSettings } from '../settings.ts';
import type { CliContext } from './context.ts';
import { table } from './table.ts';

export type CacheOptions = {
  route?: string;
  team?: string;
  /** `90m`, `24h`, `7d`. */
  olderThan?: string;
  dryRun?: boolean;
  /** Of a running gateway; by default the one of this machine. */
  url?: string;
  dataDir?: string;
  json?: boolean;
};

type CacheContext = Pick<CliContext, 'environment' | 'stdout' | 'stderr'>;

const LIMIT_MS = 60_000;

/** `rightsize cache stats`: what the cache of a running gateway holds, by team and route. @returns the exit code. */
export const cacheStatsCommand = async (options: CacheOptions, context: CacheContext): Promise<number> => {
  const report = await ask('GET', options, context);
  context.stdout.write(options.json ? toJson(report) : toTable(report));
  return 0;
};

/** `rightsize cache clear`: forgets entries, or with `--dry-run` says which. @returns the exit code. */
export const cacheClearCommand = async (options: CacheOptions, context: CacheContext): Promise<number> => {
  const report = await ask('DELETE', options, context);
  context.stdout.write(options.json ? toJson(report) : toTable(report));
  context.stderr.write(
    options.dryRun
      ? 'Nothing was forgotten: this was a dry run.\n'
      : `Forgotten: ${report.entries} answers, ${report.questions.entries} questions.\n`,
  );
  return 0;
};

/** @throws UsageError for a query that the gateway refuses; Error, in words, when it cannot be asked. */
const ask = async (
  method: 'GET' | 'DELETE',
  options: CacheOptions,
  { environment }: CacheContext,
): Promise<CacheReport> => {
  const settings = readSettings({ ...(options.dataDir !== undefined && { dataDir: options.dataDir }) }, environment);
  const base = options.url ?? `http://127.0.0.1:${settings.port}`;
  const key = settings.adminKey ?? readAdminKey(settings.dataDir);
  if (key === null)
    throw new UsageError('set RIGHTSIZE_ADMIN_KEY, or name the gateway’s --data-dir, where its admin key is');
  const { route, team, olderThan, dryRun } = options;
  const query = new URLSearchParams(
    Object.entries({ route, team, olderThan, ...(dryRun && { dryRun: 'true' }) }).filter(
      (pair): pair is [string, string] => pair[1] !== undefined,
    ),
  );
  const url = `${base.replace(/\/+$/, '')}/admin/api/cache?${query}`;
  const headers = { authorization: `Bearer ${key}` };
  const reply = await request(url, { method, headers, signal: AbortSignal.timeout(LIMIT_MS) }).catch((error) => {
    throw new Error(`no gateway answers at ${base} (${error.code ?? error.message}); see --url`);
  });
  const body: unknown = await reply.body.json().catch(() => null);
  if (reply.statusCode === 200) return CacheReportSchema.parse(body);
  const message = (body as { error?: { message?: string } } | null)?.error?.message ?? `HTTP ${reply.statusCode}`;
  throw reply.statusCode === 400 ? new UsageError(message) : new Error(message);
};

const toJson = (report: CacheReport): string => `${JSON.stringify(report, null, 2)}\n`;

const toTable = ({ entries, bytes, rows, questions }: CacheReport): string => {
  const lines = new Map<string, Line>();
  const lineOf = ({ team, route }: Pick<Row, 'team' | 'route'>): Line => {
    const key = `${team}\n${route}`;
    const line = lines.get(key) ?? { team, route };
    lines.set(key, line);
    return line;
  };
  for (const row of rows) lineOf(row).answers = row;
  for (const row of questions.rows) lineOf(row).questions = row;
  return table([
    ['team', 'route', 'entries', 'kB', 'questions', 'kB'],
    ...[...lines.values()].map((line) => [line.team, line.route, ...cells(line.answers), ...cells(line.questions)]),
    ['total', '', ...cells({ entries, bytes }), ...cells(questions)],
  ]);
};

type Row = CacheReport['rows'][number];
type Line = { team: string; route: string; answers?: Row; questions?: Row };

const cells = ({ entries, bytes }: Pick<Row, 'entries' | 'bytes'> = { entries: 0, bytes: 0 }): string[] => [
  String(entries),
  (bytes / 1_000).toFixed(1),
];
