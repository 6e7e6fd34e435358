import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CliContext } from '../../src/cli/context.ts';
import { pricesListCommand, pricesUpdateCommand } from '../../src/cli/prices.ts';
import { toPriceRow } from '../../src/ledger/price.ts';
import { loadPrices, PriceBook, priceFile, shippedPrices } from '../../src/ledger/price-book.ts';
import { PriceListSchema } from '../../src/ledger/price-list.ts';
import { systemClock } from '../../src/lib/clock.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'prices-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const list = (version: string, openai: object, withheld: string[] = []) => ({
  version,
  sources: [{ name: 'a test', version: '1' }],
  prices: { openai },
  withheld: { openai: withheld },
});
const bookOf = (openai: object, withheld: string[] = []) =>
  new PriceBook(PriceListSchema.parse(list('2026-01-01', openai, withheld)));

describe('the shipped list', () => {
  it('has prices of every provider that both sources know, each exact in pico-USD', () => {
    const { list: shipped } = shippedPrices();
    expect(shipped.sources.map(({ name }) => name)).toEqual([
      'LiteLLM model_prices_and_context_window.json',
      'genai-prices',
    ]);
    const models = Object.values(shipped.prices).flatMap((each) => Object.values(each ?? {}));
    expect(models.length).toBeGreaterThan(100);
    for (const price of models) expect(toPriceRow(price).inputPicoUsd).toBeGreaterThan(0);
  });

  it.each([
    ['openai', 'gpt-4o', { input: 2.5, cachedInput: 1.25, output: 10 }],
    ['openai', 'gpt-5.1', { input: 1.25, cachedInput: 0.125, output: 10 }],
    ['anthropic', 'claude-opus-4-5', { input: 5, cachedInput: 0.5, cacheWrite: 6.25, output: 25 }],
    [
      'gemini',
      'gemini-2.5-pro',
      { input: 1.25, output: 10, above: [{ promptTokens: 200_000, input: 2.5, output: 15 }] },
    ],
  ] as const)('knows %s %s', (kind, model, price) => {
    expect(shippedPrices().find(kind, model)).toMatchObject(price);
  });
});

describe('a name', () => {
  const book = bookOf({ 'big-1': { input: 1, output: 2 }, 'big-1-2026-01-01': { input: 3, output: 4 } }, [
    'big-1-2025-01-01',
  ]);

  it.each([
    ['big-1', 1],
    ['openai/big-1', 1],
    ['big-1-2026-06-30', 1],
    ['big-1-20260630', 1],
    ['big-1@20260630', 1],
    ['big-1-2026-01-01', 3],
    ['openai/big-1-2026-01-01', 3],
  ])('%s costs %d', (model, input) => {
    expect(book.find('openai', model)?.input).toBe(input);
  });

  it.each([
    'big',
    'big-1-mini',
    'big-1-2025-01-01',
    'openai/big-1-2025-01-01',
    'azure/big-1',
    'big-11',
    'constructor',
    '__proto__',
  ])('%s has no price: nothing is guessed', (model) => expect(book.find('openai', model)).toBeUndefined());

  it('of another kind has no price', () => expect(book.find('anthropic', 'big-1')).toBeUndefined());
});

describe('rightsize prices', () => {
  const write = (value: unknown) => {
    const file = join(directory, 'new.json');
    writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
    return file;
  };
  const run = async (command: (context: CliContext) => Promise<number>) => {
    const written: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
    const to = (name: 'stdout' | 'stderr') =>
      new Writable({
        write(chunk, _encoding, done) {
          written[name] += String(chunk);
          done();
        },
      });
    const streams = { stdin: process.stdin, stdout: to('stdout'), stderr: to('stderr') };
    const context = { environment: {}, ...streams, clock: systemClock, onSignal: () => () => {} };
    try {
      return { code: await command(context), ...written };
    } catch (error) {
      return { code: 1, ...written, stderr: (error as Error).message };
    }
  };
  const update = (value: unknown) =>
    run((context) => pricesUpdateCommand({ from: write(value), dataDir: directory }, context));

  it('update keeps the old list when the new one is at fault, older, or tenfold off, and says why', async () => {
    const gpt = shippedPrices().find('openai', 'gpt-4o');
    for (const [value, why] of [
      ['{', /not JSON/],
      [{ version: '2030-01-01', prices: {} }, /no price list: sources/],
      [list('2030-01-01', { big: { input: -1, output: 1 } }), /no price list: prices\.openai\.big\.input/],
      [list('2000-01-01', { big: { input: 1, output: 1 } }), /older/],
      [list('2030-01-01', { 'gpt-4o': { ...gpt, input: 0.00025 } }), /tenfold differences for openai\/gpt-4o/],
    ] as const) {
      const { code: exitCode, stderr } = await update(value);
      expect([exitCode, stderr]).toEqual([1, expect.stringMatching(why)]);
      expect(stderr).toMatch(/kept the (old )?list/);
    }
    expect(loadPrices(directory).list.version).toBe(shippedPrices().list.version);
  });

  it('update keeps a sound list in the data directory, where the gateway and `list` read it', async () => {
    const { code: exitCode, stdout } = await update(list('2030-01-01', { big: { input: 1, output: 2 } }));
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('1 models')]);
    expect(loadPrices(directory).find('openai', 'big')).toEqual({ input: 1, output: 2 });
    const listed = await run((context) => pricesListCommand('big', { dataDir: directory, json: true }, context));
    expect(JSON.parse(listed.stdout)).toMatchObject({
      version: '2030-01-01',
      prices: [{ kind: 'openai', model: 'big' }],
    });
    writeFileSync(priceFile(directory), 'garbage');
    expect(() => loadPrices(directory)).toThrow(/prices\.json is not JSON/);
  });
});
