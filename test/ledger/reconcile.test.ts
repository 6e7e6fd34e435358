import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseCsv } from '../../src/cli/parse-csv.ts';
import { reconcileCommand } from '../../src/cli/reconcile.ts';
import type { Gap } from '../../src/ledger/reconcile.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { NO_TOKENS } from '../../src/ledger/tokens.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { runCommand } from '../support/command-context.ts';
import { sampleAttempt, sampleEntry } from './sample-entry.ts';

const AT = Date.parse('2026-11-20T10:00:00Z');

it('each line of a provider is explained: equal, rounded, other tokens, other price, missing on either side', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'reconcile-'));
  const store = SqliteLedgerStore.open({ directory });
  const models: [string, number, number][] = [
    ['equal', 100, 1_000_000],
    ['rounded', 100, 1_234_567],
    ['tokens', 100, 1_000_000],
    ['price', 100, 10_000_000],
    ['ours', 100, 500_000],
  ];
  for (const [model, promptTokens, costNanoUsd] of models) {
    const tokens = { ...NO_TOKENS, promptTokens, completionTokens: 10 };
    await store.append(sampleEntry({ id: model, at: AT, attempts: [sampleAttempt({ model, tokens, costNanoUsd })] }));
  }
  await store.close();
  const file = join(directory, 'usage.csv');
  writeFileSync(
    file,
    [
      'start_time_iso,model,input_tokens,output_tokens,cost_usd',
      '2026-11-20T00:00:00+00:00,"equal-2026-01-01",60,4,0.0006',
      '2026-11-20T00:00:00+00:00,equal,40,6,0.0004',
      '2026-11-20,rounded,100,10,0.00',
      '2026-11-20,tokens,120,10,0.0012',
      '2026-11-20,price,100,10,$0.02',
      '2026-11-20,theirs,7,1,0.5',
      '',
    ].join('\r\n'),
  );
  let out = '';
  const stdout = { write: (text: string) => (out += text) } as unknown as NodeJS.WriteStream;
  const context = {
    environment: {},
    stdin: process.stdin,
    stdout,
    stderr: stdout,
    clock: systemClock,
    onSignal: () => () => {},
  };
  const options = { upstream: 'cloud', dataDir: directory };
  expect(await reconcileCommand(file, { ...options, json: true }, context)).toBe(1);
  const why = Object.fromEntries((JSON.parse(out) as Gap[]).map((gap) => [gap.model, [gap.why, gap.gapNanoUsd]]));
  expect(why).toEqual({
    equal: ['equal', 0],
    rounded: ['rounding', -1_234_567],
    tokens: ['token difference', 200_000],
    price: ['price difference', 10_000_000],
    ours: ['missing there', -500_000],
    theirs: ['missing here', 500_000_000],
  });
  await expect(reconcileCommand(file, { ...options, cost: 'spent' }, context)).rejects.toThrow('no column "spent"');
  rmSync(directory, { recursive: true });
});

it.each([
  ['openai-completions.csv', 'gpt-4o-mini', 10_116, 3_092, 'gpt-5.1', 900, 120],
  ['anthropic-tokens.csv', 'claude-sonnet-4-5', 2_000, 300, 'claude-haiku-4-5', 500, 40],
])(
  '%s is read as it comes, and what the ledger lacks stands first',
  async (name, model, input, output, other, ...tokens) => {
    const directory = mkdtempSync(join(tmpdir(), 'reconcile-'));
    const store = SqliteLedgerStore.open({ directory });
    const used = { ...NO_TOKENS, promptTokens: input, completionTokens: output };
    await store.append(sampleEntry({ id: 'one', at: AT, attempts: [sampleAttempt({ model, tokens: used })] }));
    await store.close();
    const file = join(import.meta.dirname, '../fixtures/usage', name);
    const { code, stdout } = await runCommand((context) =>
      reconcileCommand(file, { upstream: 'cloud', dataDir: directory, json: true }, context),
    );
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        model: other,
        why: 'missing here',
        there: { inputTokens: tokens[0], outputTokens: tokens[1], costNanoUsd: null },
      },
      { model, why: 'equal' },
    ]);
    rmSync(directory, { recursive: true });
  },
);

it('CSV is read with quotes, line ends within them, and a byte order mark', () => {
  expect(parseCsv('\ufeffa,b\r\n"x, ""y""\n",1\n2,\n')).toEqual([
    { a: 'x, "y"\n', b: '1' },
    { a: '2', b: '' },
  ]);
});
