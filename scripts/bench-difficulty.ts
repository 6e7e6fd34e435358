/**
 * Latency of a difficulty decision with the shipped model, on one core. `node scripts/bench-difficulty.ts`
 * prints one line per kind of prompt: p50, p99 and worst in milliseconds, and decisions per second.
 */
import { createKindClassifier } from '../src/difficulty/kind-classifier.ts';
import { quantile } from '../src/difficulty/metrics.ts';
import { shippedWeights } from '../src/difficulty/weights.ts';

const PROSE =
  'We run a web shop with 40 services. Orders must not be lost when a service restarts, and stock must stay correct. ' +
  'Please compare an outbox table with change data capture, explain the trade-offs step by step, and show the SQL ' +
  'you would use: `SELECT id, payload FROM outbox WHERE sent_at IS NULL ORDER BY id LIMIT 100`. ';
const fill = (text: string, length: number) => text.repeat(Math.ceil(length / text.length)).slice(0, length);

const PROMPTS: [string, string][] = [
  ['1 kB of prose', fill(PROSE, 1_000)],
  ['1 kB of LaTeX', fill('Let $f(x)=\\frac{x^2+1}{\\sqrt{x}}$; find $\\int_0^1 f(x)\\,dx$. ', 1_000)],
  [
    '1 kB of code',
    fill('const readAll = async (rows) => { for (const row of rows) await db.insert(row.id); };\n', 1_000),
  ],
  ['1 kB of unknown words', Array.from({ length: 60 }, (_, i) => `zq${'xkvwjq'.repeat(2)}${i}`).join(' ')],
  ['1 kB of Chinese', fill('请设计一个每秒处理十万订单的系统,并说明库存一致性。', 1_000)],
  ['200 kB of prose', fill(PROSE, 200_000)],
  ['8 kB of long unknown words', fill('qxzjkvwqxzjkvwqxzjkvw ', 8_000)],
  ['1 MB of one letter', fill('a', 1_000_000)],
  ['1 MB of spaces', fill(' ', 1_000_000)],
  ['1 MB of zero-width spaces', fill('\u200b', 1_000_000)],
];
const WARM_UP = 2_000;
const RUNS = 5_000;

const classifier = createKindClassifier(shippedWeights());
for (const [name, text] of PROMPTS) {
  const decide = () =>
    classifier.classify({
      turns: [{ role: 'user', text }],
      toolCount: 0,
      imageCount: 0,
      wantsJson: false,
      reasoningEffort: null,
    });
  for (let i = 0; i < WARM_UP; i++) decide();
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const start = performance.now();
    decide();
    times.push(performance.now() - start);
  }
  const total = times.reduce((sum, time) => sum + time, 0);
  times.sort((a, b) => a - b);
  const milliseconds = [0.5, 0.99, 1].map((position) => quantile(times, position).toFixed(3));
  console.log(
    `${name}: p50 ${milliseconds[0]}, p99 ${milliseconds[1]}, worst ${milliseconds[2]} ms; ${Math.round((RUNS / total) * 1000)} decisions/s`,
  );
}
