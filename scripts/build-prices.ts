import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Price } from '../src/config/price-schema.ts';
import { PriceListSchema } from '../src/ledger/price-list.ts';

/**
 * Writes src/ledger/prices/prices.json from two public price lists, taken from their Python wheels:
 *
 *   pip download --no-deps litellm genai-prices
 *   npm run prices -- --litellm litellm-*.whl --genai genai_prices-*.whl --date 2026-11-22
 *
 * A model is taken only where both lists know it and agree within 1 % on every rate that either of them states; what is
 * left out is printed with the reason. Nothing of the wheels is run: one is JSON, the other is read from its syntax tree.
 */
const KINDS = {
  openai: { litellm: 'openai', prefix: '', genai: 'openai' },
  azure: { litellm: 'azure', prefix: 'azure/', genai: 'azure' },
  anthropic: { litellm: 'anthropic', prefix: '', genai: 'anthropic' },
  gemini: { litellm: 'gemini', prefix: 'gemini/', genai: 'google' },
  mistral: { litellm: 'mistral', prefix: 'mistral/', genai: 'mistral' },
  groq: { litellm: 'groq', prefix: 'groq/', genai: 'groq' },
  together: { litellm: 'together_ai', prefix: 'together_ai/', genai: 'together' },
  deepseek: { litellm: 'deepseek', prefix: 'deepseek/', genai: 'deepseek' },
  xai: { litellm: 'xai', prefix: 'xai/', genai: 'x-ai' },
} as const;
type Kind = keyof typeof KINDS;

const MODES = new Set(['chat', 'completion', 'responses', 'embedding']);
const SERVICE_TIERS = ['flex', 'priority'] as const;
/** Our names of rates, LiteLLM's field and genai-prices' field. */
const RATES = [
  ['input', 'input_cost_per_token', 'input_mtok'],
  ['cachedInput', 'cache_read_input_token_cost', 'cache_read_mtok'],
  ['cacheWrite', 'cache_creation_input_token_cost', 'cache_write_mtok'],
  ['audioInput', 'input_cost_per_audio_token', 'input_audio_mtok'],
  ['output', 'output_cost_per_token', 'output_mtok'],
  ['audioOutput', 'output_cost_per_audio_token', 'output_audio_mtok'],
] as const;
type RateName = (typeof RATES)[number][0];
type Rates = Partial<Record<RateName, number>>;
type FullPrice = Rates & { above: ({ promptTokens: number } & Rates)[]; serviceTiers: Record<string, Rates> };
// biome-ignore lint/suspicious/noExplicitAny: foreign shapes that are only picked from, and checked at the end.
type Json = Record<string, any>;

const { values } = parseArgs({
  options: {
    litellm: { type: 'string' },
    genai: { type: 'string' },
    date: { type: 'string' },
    out: { type: 'string', default: join(import.meta.dirname, '../src/ledger/prices/prices.json') },
  },
});
const { litellm: litellmWheel = '', genai: genaiWheel = '', date = '', out } = values;
if (litellmWheel === '' || genaiWheel === '' || !/^\d{4}-\d\d-\d\d$/.test(date)) {
  throw new Error('usage: npm run prices -- --litellm <wheel> --genai <wheel> --date YYYY-MM-DD');
}

const readWheel = (wheel: string, member: string): Json =>
  JSON.parse(
    execFileSync('python3', [join(import.meta.dirname, 'read-wheel.py'), wheel, member], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    }),
  );
const versionOf = (wheel: string): string => basename(wheel).split('-')[1] ?? '';

const litellm = readWheel(litellmWheel, 'litellm/model_prices_and_context_window_backup.json');
const genai = readWheel(genaiWheel, 'genai_prices/data.py')['providers'] as Json[];

/** USD per million tokens with at most six decimals: prices by the token come as 1.25e-07. */
const perMillion = (perToken: number): number => Number((perToken * 1e6).toFixed(6));

const litellmPrice = (model: Json): FullPrice => {
  const rates = (suffix: string): Rates =>
    Object.fromEntries(
      RATES.flatMap(([name, field]) => {
        const value = model[`${field}${suffix}`];
        return typeof value === 'number' && (value > 0 || name === 'output') ? [[name, perMillion(value)]] : [];
      }),
    );
  const limits = new Set(
    Object.keys(model).flatMap((key) => /^(?:input|output)_cost_per_token_above_(\d+)k_tokens$/.exec(key)?.[1] ?? []),
  );
  const base = rates('');
  return {
    ...base,
    above: [...limits].map((k) => ({ promptTokens: Number(k) * 1_000, ...base, ...rates(`_above_${k}k_tokens`) })),
    serviceTiers: Object.fromEntries(
      SERVICE_TIERS.flatMap((tier) => {
        const found = rates(`_${tier}`);
        return found.input === undefined ? [] : [[tier, { ...base, ...found }]];
      }),
    ),
  };
};

const matches = (clause: Json, name: string): boolean => {
  switch (clause['is']) {
    case 'ClauseEquals':
      return name === clause['equals'];
    case 'ClauseStartsWith':
      return name.startsWith(clause['starts_with']);
    case 'ClauseEndsWith':
      return name.endsWith(clause['ends_with']);
    case 'ClauseContains':
      return name.includes(clause['contains']);
    case 'ClauseRegex':
      return new RegExp(clause['regex']).test(name);
    case 'ClauseOr':
      return clause['or_'].some((each: Json) => matches(each, name));
    case 'ClauseAnd':
      return clause['and_'].every((each: Json) => matches(each, name));
    default:
      throw new Error(`unknown clause ${clause['is']}`);
  }
};

const isoDate = (value: Json | null | undefined): string | null =>
  value?.['is'] === 'date' ? value['args'].map((part: number) => String(part).padStart(2, '0')).join('-') : null;

/** Whether a price holds at `date`; null where that depends on something other than the date. */
const holds = (constraint: Json | null | undefined): boolean | null => {
  if (constraint == null) return true;
  if (constraint['is'] !== 'StartDateConstraint') return null;
  const from = isoDate(constraint['start_date']);
  return from !== null && from <= date;
};

const base = (value: Json | number | undefined): number | undefined =>
  typeof value === 'object' ? value['base'] : value;

const genaiRates = (prices: Json, from: (value: Json | number | undefined) => number | undefined): Rates =>
  Object.fromEntries(
    RATES.flatMap(([name, , field]) => {
      const value = from(prices[field]);
      return value !== undefined && (value > 0 || name === 'output') ? [[name, value]] : [];
    }),
  );

/** The price in force at `date`, or why there is none. */
const genaiPrice = (model: Json): FullPrice | string => {
  let prices = model['prices'] as Json;
  if (Array.isArray(prices)) {
    if (prices.some(({ constraint }) => holds(constraint) === null)) return 'its price depends on the time of day';
    prices = prices.findLast(({ constraint }) => holds(constraint))?.['prices'];
    if (prices === undefined) return 'it has no price at that date';
  }
  if (prices['requests_kcount'] !== undefined) return 'it is billed by the request too';
  const starts = new Set<number>(
    Object.values(prices).flatMap((value: Json) => (value?.['tiers'] ?? []).map((tier: Json) => tier['start'])),
  );
  const ratesAbove = (start: number) => (value: Json | number | undefined) =>
    typeof value === 'object'
      ? (value['tiers'].findLast((tier: Json) => tier['start'] <= start)?.price ?? value['base'])
      : value;
  const rates = genaiRates(prices, base);
  return {
    ...rates,
    above: [...starts]
      .sort((a, b) => a - b)
      .map((start) => ({ promptTokens: start, ...genaiRates(prices, ratesAbove(start)) })),
    serviceTiers: Object.fromEntries(
      ((model['price_variants'] ?? []) as Json[]).flatMap(({ when, prices: own, constraint }) =>
        SERVICE_TIERS.includes(when['service_tier']) && Object.keys(own).length > 1 && holds(constraint)
          ? [[when['service_tier'], { ...rates, ...genaiRates(own, base) }]]
          : [],
      ),
    ),
  };
};

const agree = (a: number, b: number): boolean => Math.abs(a - b) <= 0.01 * Math.max(a, b);

/** The rates on which both agree, or on what they do not. */
const common = (a: Rates, b: Rates, where: string): Rates | string => {
  const rates: Rates = {};
  for (const [name] of RATES) {
    const [ours, theirs] = [a[name], b[name]];
    if (ours === undefined && theirs === undefined) continue;
    if (ours === undefined || theirs === undefined)
      return `${where}${name} only in ${ours === undefined ? 'genai-prices' : 'LiteLLM'}`;
    if (!agree(ours, theirs)) return `${where}${name}: LiteLLM ${ours}, genai-prices ${theirs}`;
    rates[name] = ours;
  }
  if (rates.input === undefined) return `${where}no input rate`;
  return { output: 0, ...rates };
};

const combined = (a: FullPrice, b: FullPrice): Price | string => {
  const rates = common(a, b, '');
  if (typeof rates === 'string') return rates;
  // "From 200,000" and "above 200,000" differ by one token: the lower limit never bills too little.
  if (
    a.above.length !== b.above.length ||
    a.above.some((long, i) => !agree(long.promptTokens, b.above[i]!.promptTokens))
  ) {
    const limits = ({ above }: FullPrice) => above.map(({ promptTokens }) => promptTokens).join() || 'none';
    return `long prompts: LiteLLM above ${limits(a)}, genai-prices ${limits(b)}`;
  }
  const above = [];
  for (const [i, { promptTokens, ...long }] of a.above.entries()) {
    const both = common(long, b.above[i] ?? {}, `above ${promptTokens}: `);
    if (typeof both === 'string') return both;
    above.push({ promptTokens: Math.min(promptTokens, b.above[i]!.promptTokens), ...both });
  }
  // Rates of a service tier for long prompts are in neither list whole, so such models keep their plain rates alone.
  const tiers =
    above.length > 0
      ? []
      : SERVICE_TIERS.flatMap((tier) => {
          const [ours, theirs] = [a.serviceTiers[tier], b.serviceTiers[tier]];
          const both = ours && theirs ? common(ours, theirs, `${tier}: `) : 'absent';
          return typeof both === 'string' ? [] : [[tier, both]];
        });
  return {
    ...rates,
    ...(above.length > 0 && { above }),
    ...(tiers.length > 0 && { serviceTiers: Object.fromEntries(tiers) }),
  } as Price;
};

const DATED = /[-@](?:\d{4}-\d\d-\d\d|\d{8})$/;
const prices: Record<string, Record<string, Price>> = {};
const withheld: Record<string, string[]> = {};
const left: string[] = [];

for (const [kind, source] of Object.entries(KINDS) as [Kind, (typeof KINDS)[Kind]][]) {
  const known = genai.find(({ id }) => id === source.genai)?.['models'] as Json[];
  const taken: Record<string, Price> = {};
  const refused: string[] = [];
  for (const [fullName, model] of Object.entries(litellm).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (model['litellm_provider'] !== source.litellm || !fullName.startsWith(source.prefix)) continue;
    const name = fullName.slice(source.prefix.length);
    if (!MODES.has(model['mode']) || name.startsWith('ft:') || (source.prefix === '' && name.includes('/'))) continue;
    const leave = (why: string) => {
      left.push(`${kind}/${name}: ${why}`);
      refused.push(name);
    };
    if (model['deprecation_date'] !== undefined && model['deprecation_date'] <= date) {
      leave(`retired on ${model['deprecation_date']}`);
      continue;
    }
    const theirs = known.find(({ match }) => matches(match, name));
    if (theirs === undefined) {
      leave('only in LiteLLM');
      continue;
    }
    const price = genaiPrice(theirs);
    const both = typeof price === 'string' ? price : combined(litellmPrice(model), price);
    if (typeof both === 'string') leave(both);
    else taken[name] = both;
  }
  prices[kind] = taken;
  // A dated name whose price is not agreed on must not be given the price of the name without its date.
  withheld[kind] = refused.filter((name) => taken[name.replace(DATED, '')] !== undefined);
}

const list = PriceListSchema.parse({
  version: date,
  sources: [
    { name: 'LiteLLM model_prices_and_context_window.json', version: `PyPI litellm ${versionOf(litellmWheel)}` },
    { name: 'genai-prices', version: `PyPI genai-prices ${versionOf(genaiWheel)}` },
  ],
  prices,
  withheld: Object.fromEntries(Object.entries(withheld).filter(([, names]) => names.length > 0)),
});
/** One model a line, so that a change of price is one line of a diff. */
const lines = (record: object, indent: string, render: (value: unknown) => string): string =>
  Object.entries(record)
    .map(([key, value]) => `${indent}${JSON.stringify(key)}: ${render(value)}`)
    .join(',\n');
const text = `{
  "version": ${JSON.stringify(list.version)},
  "sources": ${JSON.stringify(list.sources)},
  "prices": {
${lines(list.prices, '    ', (models) => `{\n${lines(models as object, '      ', (value) => JSON.stringify(value))}\n    }`)}
  },
  "withheld": {
${lines(list.withheld, '    ', (value) => JSON.stringify(value))}
  }
}
`;
writeFileSync(out, text);
for (const line of left) process.stdout.write(`left out ${line}\n`);
for (const [kind, models] of Object.entries(list.prices)) {
  process.stdout.write(`${kind}: ${Object.keys(models).length} models\n`);
}
