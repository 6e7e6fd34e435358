import { readFileSync } from 'node:fs';
import { type DayUsage, type Gap, reconcile } from '../ledger/reconcile.ts';
import { openToRead } from '../ledger/sqlite-ledger-file.ts';
import { formatUsd } from '../lib/money.ts';
import { UsageError } from '../lib/usage-error.ts';
import { dataDirOf } from '../settings.ts';
import type { CliContext } from './context.ts';
import { parseCsv } from './parse-csv.ts';
import { table } from './table.ts';

export type ReconcileOptions = {
  upstream: string;
  date?: string;
  model?: string;
  input?: string;
  output?: string;
  cost?: string;
  dataDir?: string;
  json?: boolean;
};

/**
 * Columns taken where no flag names one, the first that is there; `a+b` is the sum of those of its columns that are there.
 * The last of `input` and `output` are Anthropic's (docs: test/fixtures/usage/README.md).
 */
const USUAL = {
  date: ['date', 'day', 'start_time_iso', 'start_time', 'usage_date', 'usage_date_utc'],
  model: ['model', 'model_name', 'model_version'],
  input: [
    ...['input_tokens', 'prompt_tokens', 'n_context_tokens_total'],
    'usage_input_tokens_no_cache+usage_input_tokens_cache_write_5m+usage_input_tokens_cache_write_1h+usage_input_tokens_cache_write+usage_input_tokens_cache_read',
  ],
  output: ['output_tokens', 'completion_tokens', 'n_generated_tokens_total', 'usage_output_tokens'],
  cost: ['cost_usd', 'cost', 'amount_value', 'amount'],
} as const;
type Column = keyof typeof USUAL;

/**
 * `rightsize reconcile usage.csv --upstream openai`: a provider's usage export beside the ledger's days, and why they
 * differ. @returns 0 when nothing but rounding differs, else 1. @throws UsageError; Error without a ledger.
 */
export const reconcileCommand = async (
  file: string,
  options: ReconcileOptions,
  { environment, stdout }: CliContext,
): Promise<number> => {
  const there = readExport(file, options);
  const days = there.map(({ day }) => day).sort();
  const database = openToRead(dataDirOf(options.dataDir, environment), 2_000);
  if (database === null) throw new Error('there is no ledger yet: it begins with the first request to the gateway');
  const rows = database
    .prepare(
      `SELECT at, model, sum(prompt_tokens) AS input, sum(completion_tokens) AS output, sum(cost_nano_usd) AS cost,
        sum(unknown_costs) AS unknown FROM rollups
       WHERE step = 'day' AND upstream = ? AND at >= ? AND at <= ? GROUP BY at, model`,
    )
    .all(options.upstream, Date.parse(days[0] ?? ''), Date.parse(days.at(-1) ?? ''));
  database.close();
  const here = rows
    .filter(({ input, output }) => Number(input) + Number(output) > 0)
    .map(
      ({ at, model, input, output, cost, unknown }): DayUsage => ({
        day: new Date(Number(at)).toISOString().slice(0, 10),
        model: String(model),
        inputTokens: Number(input),
        outputTokens: Number(output),
        costNanoUsd: Number(unknown) > 0 ? null : Number(cost),
      }),
    );
  const gaps = reconcile(here, there);
  stdout.write(options.json ? `${JSON.stringify(gaps, null, 2)}\n` : toTable(gaps));
  return gaps.every(({ why }) => why === 'equal' || why === 'rounding') ? 0 : 1;
};

const readExport = (file: string, options: ReconcileOptions): DayUsage[] => {
  let records: Record<string, string>[];
  try {
    records = parseCsv(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
  }
  const [first] = records;
  if (first === undefined) throw new UsageError(`${file} has no records`);
  const columnOf = (column: Column): string | undefined => {
    const wanted = options[column] ?? USUAL[column].find((names) => names.split('+').some((name) => name in first));
    const missing = options[column]?.split('+').find((name) => !(name in first));
    if (missing !== undefined) throw new UsageError(`${file} has no column "${missing}"`);
    if (wanted === undefined && column !== 'cost') {
      throw new UsageError(`say --${column} <column>: ${file} has ${Object.keys(first).join(', ')}`);
    }
    return wanted;
  };
  const names = {
    date: columnOf('date'),
    model: columnOf('model'),
    input: columnOf('input'),
    output: columnOf('output'),
  };
  const cost = columnOf('cost');
  const usage = records.map((record, i) => {
    const value = (name: string | undefined) => record[name ?? ''] ?? '';
    const number = (names: string | undefined): number =>
      (names ?? '').split('+').reduce((sum, name) => {
        const parsed = Number(value(name).replace(/^\$/, '') || '0');
        if (Number.isFinite(parsed)) return sum + parsed;
        throw new UsageError(`${file}, record ${i + 1}: "${value(name)}" in ${name} is no number`);
      }, 0);
    const date = value(names.date);
    // Unix seconds, as some exports have them, or anything that begins with an ISO date.
    const at = /^\d{9,10}$/.test(date) ? Number(date) * 1_000 : Date.parse(date);
    if (Number.isNaN(at)) throw new UsageError(`${file}, record ${i + 1}: "${date}" in ${names.date} is no date`);
    return {
      day: new Date(at).toISOString().slice(0, 10),
      model: value(names.model),
      inputTokens: number(names.input),
      outputTokens: number(names.output),
      costNanoUsd: cost === undefined ? null : Math.round(number(cost) * 1e9),
    };
  });
  // Exports by the minute have lines for minutes without any usage.
  return usage.filter(({ model, inputTokens, outputTokens }) => model !== '' || inputTokens + outputTokens > 0);
};

const toTable = (gaps: Gap[]): string => {
  const usd = (amount: number | null | undefined) => (amount == null ? '' : formatUsd(amount));
  const tokens = (usage: DayUsage | null) => (usage === null ? '' : `${usage.inputTokens} + ${usage.outputTokens}`);
  return table([
    ['day', 'model', 'tokens here', 'tokens there', 'USD here', 'USD there', 'gap USD', 'why'],
    ...gaps.map(({ day, model, here, there, gapNanoUsd, why }) => [
      ...[
        day,
        model,
        tokens(here),
        tokens(there),
        usd(here?.costNanoUsd),
        usd(there?.costNanoUsd),
        usd(gapNanoUsd),
        why,
      ],
    ]),
  ]);
};
