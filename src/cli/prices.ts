import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Price } from '../config/price-schema.ts';
import { loadPrices, parsePrices, priceFile } from '../ledger/price-book.ts';
import type { PriceList } from '../ledger/price-list.ts';
import { UsageError } from '../lib/usage-error.ts';
import { dataDirOf } from '../settings.ts';
import type { CliContext } from './context.ts';
import { table } from './table.ts';

export type PricesListOptions = { dataDir?: string; json?: boolean };

/** `rightsize prices list [filter]`: the list prices in force, those whose name has `filter` in it. @returns 0. */
export const pricesListCommand = async (
  filter: string | undefined,
  options: PricesListOptions,
  { environment, stdout, stderr }: CliContext,
): Promise<number> => {
  const { list } = loadPrices(dataDirOf(options.dataDir, environment));
  const rows = rowsOf(list).filter(({ kind, model }) => `${kind}/${model}`.includes(filter ?? ''));
  if (options.json) {
    stdout.write(`${JSON.stringify({ version: list.version, sources: list.sources, prices: rows }, null, 2)}\n`);
    return 0;
  }
  const usd = (value: number | undefined) => (value === undefined ? '' : String(value));
  stdout.write(
    table([
      ['kind', 'model', 'input', 'cached', 'written', 'output', 'also'],
      ...rows.map(({ kind, model, price }) => [
        ...[kind, model, usd(price.input), usd(price.cachedInput), usd(price.cacheWrite), usd(price.output)],
        [
          ...(price.above ?? []).map(({ promptTokens }) => `above ${promptTokens}`),
          ...Object.keys(price.serviceTiers ?? {}),
        ].join(', '),
      ]),
    ]),
  );
  stderr.write(`USD per million tokens; list of ${list.version}, agreed on by ${sourcesOf(list)}.\n`);
  return 0;
};

export type PricesUpdateOptions = { from?: string; dataDir?: string; force?: boolean };

/** Longest wait for a list from a URL, and its greatest size. */
const FETCH_TIMEOUT_MS = 30_000;
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * `rightsize prices update --from <file or URL>`: checks a price list and keeps it in the data directory; a running
 * gateway takes it at its next start. The old list stays when the new one is no price list, is older, or has a price
 * ten times or a tenth of what it was, which is more often a slip of units than a change of prices.
 * @returns 0. @throws UsageError without `--from`; Error when the old list was kept.
 */
export const pricesUpdateCommand = async (
  options: PricesUpdateOptions,
  { environment, stdout }: CliContext,
): Promise<number> => {
  const { from } = options;
  if (from === undefined)
    throw new UsageError(
      'say --from <file or URL>, a price list of the same form: `prices.json` of a newer release of this program, or one of your ' +
        'own. No list is fetched by itself: whoever could change it could change what your budgets count.',
    );
  const dataDir = dataDirOf(options.dataDir, environment);
  const current = loadPrices(dataDir).list;
  const next = await readList(from);
  const before = new Map(rowsOf(current).map(({ kind, model, price }) => [`${kind}/${model}`, price]));
  const after = new Map(rowsOf(next).map(({ kind, model, price }) => [`${kind}/${model}`, price]));
  const wild = [...after].filter(([name, price]) => isWild(before.get(name), price)).map(([name]) => name);
  if (!options.force) {
    if (next.version < current.version) {
      throw new Error(
        `kept the list of ${current.version}: ${from} is older, of ${next.version}; --force takes it all the same`,
      );
    }
    if (wild.length > 0) {
      throw new Error(
        `kept the list of ${current.version}: tenfold differences for ${wild.slice(0, 5).join(', ')}${wild.length > 5 ? ` and ${wild.length - 5} more` : ''}; --force takes it all the same`,
      );
    }
  }
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = priceFile(dataDir);
  writeFileSync(`${file}.new`, `${JSON.stringify(next, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  const changed = [...after].filter(([name, price]) => JSON.stringify(before.get(name)) !== JSON.stringify(price));
  const gone = [...before.keys()].filter((name) => !after.has(name));
  stdout.write(
    `Prices of ${next.version}: ${after.size} models, ${changed.length} new or changed, ${gone.length} gone. ` +
      'The gateway takes them at its next start.\n',
  );
  return 0;
};

type Row = { kind: string; model: string; price: Price };

const rowsOf = ({ prices }: PriceList): Row[] =>
  Object.entries(prices).flatMap(([kind, models]) =>
    Object.entries(models ?? {}).map(([model, price]) => ({ kind, model, price })),
  );

const sourcesOf = ({ sources }: PriceList): string =>
  sources.map(({ name, version }) => `${name} (${version})`).join(' and ');

const isWild = (before: Price | undefined, after: Price): boolean =>
  before !== undefined && (['input', 'output'] as const).some((rate) => isTenfold(before[rate], after[rate]));

const isTenfold = (a: number, b: number): boolean => Math.max(a, b) >= 10 * Math.min(a, b) && a !== b;

const readList = async (from: string): Promise<PriceList> => {
  try {
    return parsePrices(/^https?:\/\//.test(from) ? await download(from) : readFileSync(from, 'utf8'), from);
  } catch (error) {
    throw new Error(`kept the old list: ${(error as Error).message}`);
  }
};

const download = async (url: string): Promise<string> => {
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`${url} has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};
