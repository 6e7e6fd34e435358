import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SpendRow } from '../../src/ledger/ledger-store.ts';
import { SqliteLedgerStore } from '../../src/ledger/sqlite-ledger-store.ts';
import { chat } from '../support/chat-client.ts';
import {
  type Behaviour,
  behaviours,
  FaultyUpstream,
  good,
  type Produced,
  stallAfter,
  tools,
} from '../support/faulty-upstream.ts';
import { runCli, temporaryDirectory } from '../support/run-cli.ts';
import { LONG_TIMEOUTS, PRICES, startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

/** What each request makes its upstreams do; `aborts` when the client leaves once it has read that many characters. */
type Step = { stream: boolean; tier: 'small' | 'large'; small?: Behaviour; large?: Behaviour; aborts?: number };

const EASY = 'What is 2+2?';

const STEPS: Step[] = [];
for (const tier of ['small', 'large'] as const) {
  for (let round = 0; round < 5; round++) STEPS.push({ stream: true, tier }, { stream: false, tier });
  STEPS.push({ stream: true, tier, [tier]: tools }, { stream: false, tier, [tier]: tools });
  for (const stream of [true, false]) STEPS.push({ stream, tier, [tier]: behaviours['no usage'] });
  for (const name of ['reset mid-answer', 'clean close without finish_reason', 'error event after content'] as const) {
    STEPS.push({ stream: true, tier, [tier]: behaviours[name] });
  }
  for (const pieces of [1, 2, 4, 5, 7]) STEPS.push({ stream: true, tier, [tier]: stallAfter(pieces), aborts: pieces });
  STEPS.push({ stream: false, tier, [tier]: behaviours['envelope 400'] });
}
for (const name of [
  'envelope 500',
  'HTML 502',
  'reset before headers',
  'empty stream',
  'error event before content',
] as const) {
  // The small tier fails, the large one answers: what each of them used counts.
  STEPS.push({ stream: true, tier: 'small', small: behaviours[name] });
}
STEPS.push({ stream: true, tier: 'small', small: behaviours['role chunk, then a clean close'] });
STEPS.push({ stream: false, tier: 'small', small: behaviours['envelope 500'], large: behaviours['envelope 529'] });

let small: FaultyUpstream;
let large: FaultyUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  [small, large] = await Promise.all([FaultyUpstream.start(), FaultyUpstream.start()]);
  gateway = await startGateway({
    // `vllm` reports running usage on every chunk; the large one reports at the end only, so what is cut is estimated.
    routes: { ...twoTierRoutes({ small: small.url, large: large.url }, { kind: 'vllm', timeouts: LONG_TIMEOUTS }) },
    ledger: (directory) => SqliteLedgerStore.open({ directory }),
  });
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([small.close(), large.close()]);
});

const run = async ({ stream, tier, small: first = good, large: second = good, aborts }: Step, index: number) => {
  small.script(first);
  large.script(second);
  // Every prompt is of another length, so that no two requests can stand in for each other.
  const body = { stream, messages: [{ role: 'user', content: `${EASY} ${'Really? '.repeat(index)}` }] };
  const headers = { 'x-rightsize-tier': tier };
  if (aborts === undefined) {
    await chat(gateway.url, body, headers);
    return;
  }
  const controller = new AbortController();
  const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ model: 'auto', ...body }),
    signal: controller.signal,
  });
  const upstream = tier === 'small' ? small : large;
  const reader = reply.body!.pipeThrough(new TextDecoderStream()).getReader();
  // Everything that the upstream has said has come through; it says nothing more.
  let text = '';
  while ((text.match(/"content":"[^"]+"/g) ?? []).length < aborts) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the stream ended before the client left: ${text}`);
    text += value;
  }
  controller.abort();
  expect(await upstream.last.closed).toBe('cut');
};

const costOf = ({ promptTokens, completionTokens }: Produced, price: { input: number; output: number }): number =>
  // A USD per million tokens is 1,000 nano-USD per token.
  Math.round((promptTokens * price.input + completionTokens * price.output) * 1_000);

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

test('rightsize cost equals what the upstreams counted over answered, failed, failed-over and aborted requests', async () => {
  expect(STEPS.length).toBeGreaterThanOrEqual(50);
  for (const [index, step] of STEPS.entries()) await run(step, index);
  await Promise.all([small.untilIdle(), large.untilIdle()]);
  const entries = await gateway.untilEntries(STEPS.length);

  const { code, stdout, stderr } = await runCli(['cost', '--json', '--by', 'upstream', '--data-dir', gateway.dataDir]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const report = JSON.parse(stdout) as { total: SpendRow; rows: SpendRow[] };

  const callCosts = (upstream: FaultyUpstream, price: { input: number; output: number }) =>
    sum(upstream.calls.map(({ produced }) => costOf(produced, price)));
  const rowOf = (upstream: FaultyUpstream, price: { input: number; output: number }) => ({
    promptTokens: upstream.produced.promptTokens,
    completionTokens: upstream.produced.completionTokens,
    costNanoUsd: callCosts(upstream, price),
  });
  const rows = Object.fromEntries(report.rows.map((row) => [row.group, row]));
  expect(rows['up-small']).toMatchObject(rowOf(small, PRICES.small));
  expect(rows['up-large']).toMatchObject(rowOf(large, PRICES.large));
  expect(report.total).toMatchObject({
    requests: STEPS.length,
    promptTokens: small.produced.promptTokens + large.produced.promptTokens,
    completionTokens: small.produced.completionTokens + large.produced.completionTokens,
    costNanoUsd: callCosts(small, PRICES.small) + callCosts(large, PRICES.large),
    unpricedRequests: 0,
  });
  expect(report.total.costNanoUsd).toBeGreaterThan(0);

  const outcomes = Object.groupBy(entries, ({ outcome }) => outcome);
  expect(outcomes.aborted).toHaveLength(10);
  expect(outcomes.error?.length).toBe(9);
  for (const entry of outcomes.aborted ?? []) expect(entry.tokens.completionTokens).toBeGreaterThan(0);
  // Running usage makes the aborted ones of the small tier exact; those of the large tier are estimates, and say so.
  expect(outcomes.aborted?.map(({ tier, tokens }) => [tier, tokens.isEstimated])).toEqual([
    ...Array(5).fill(['small', false]),
    ...Array(5).fill(['large', true]),
  ]);
});

test('a ledger that is not there yet is a report of nothing', async () => {
  const directory = temporaryDirectory();
  const { code, stdout, stderr } = await runCli(['cost', '--json', '--data-dir', directory]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).total).toMatchObject({ requests: 0, costNanoUsd: 0 });
  expect(stderr).toContain('There is no ledger yet');
  rmSync(directory, { recursive: true });
});
