import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Price } from '../config/price-schema.ts';
import type { UpstreamKind } from '../contract/vocabulary.ts';
import { type PriceList, PriceListSchema } from './price-list.ts';

/** A snapshot's date at the end of a name: `gpt-5.1-2025-11-13`, `claude-sonnet-4-5-20250929`, `…@20250929`. */
const DATED = /[-@](?:\d{4}-\d\d-\d\d|\d{8})$/;
/** What clients and dashboards of a provider put before a model's own name there. */
const PREFIXES: Partial<Record<UpstreamKind, readonly string[]>> = {
  openai: ['openai/'],
  azure: ['azure/'],
  anthropic: ['anthropic/'],
  gemini: ['models/', 'gemini/', 'google/'],
  mistral: ['mistral/', 'mistralai/'],
  groq: ['groq/'],
  together: ['together_ai/'],
  deepseek: ['deepseek/'],
  xai: ['xai/', 'x-ai/'],
};

/**
 * Prices by kind of upstream and name of the model. A name is looked up as it is, without its provider's prefix, and
 * without its date; nothing is guessed beyond that. Only providers' own URLs have list prices: who asks for a model at
 * another URL says so with `url`, and then its price is told in routes.yaml or unknown.
 */
export class PriceBook {
  readonly list: PriceList;

  constructor(list: PriceList) {
    this.list = list;
  }

  /** The list price, or undefined where there is none. */
  find(kind: UpstreamKind, model: string): Price | undefined {
    const prices = this.list.prices[kind];
    if (prices === undefined) return undefined;
    const prefix = PREFIXES[kind]?.find((each) => model.startsWith(each)) ?? '';
    const withheld = this.list.withheld[kind] ?? [];
    const own = model.slice(prefix.length);
    for (const name of [model, own]) {
      if (Object.hasOwn(prices, name)) return prices[name];
      if (withheld.includes(name)) return undefined;
    }
    const undated = own.replace(DATED, '');
    return Object.hasOwn(prices, undated) ? prices[undated] : undefined;
  }
}

/** Where `rightsize prices update` keeps its list. */
export const priceFile = (dataDir: string): string => join(dataDir, 'prices.json');

export const shippedPrices = (): PriceBook => new PriceBook(read(join(import.meta.dirname, 'prices/prices.json')));

/**
 * The list that `rightsize prices update` put into the data directory, else the shipped one; the newer of the two.
 * @throws Error that names the file when it is there and no price list.
 */
export const loadPrices = (dataDir: string): PriceBook => {
  const shipped = shippedPrices();
  const file = priceFile(dataDir);
  if (!existsSync(file)) return shipped;
  const own = new PriceBook(read(file));
  return own.list.version >= shipped.list.version ? own : shipped;
};

/** @throws Error that names the file and the first fault. */
export const parsePrices = (text: string, where: string): PriceList => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${where} is not JSON`);
  }
  const parsed = PriceListSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${where} is no price list: ${issue?.path.join('.')}: ${issue?.message}`);
};

const read = (file: string): PriceList => parsePrices(readFileSync(file, 'utf8'), file);
