import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CalibrateConfidenceOptions, calibrateConfidenceCommand } from '../../src/cli/calibrate-confidence.ts';
import { CERTAINTY_FIGURES } from '../../src/contract/confidence-table.ts';
import { seededRandom } from '../../src/difficulty/seeded-random.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type Behaviour, CLOSED_URL, FaultyUpstream, good, type UpstreamCall } from '../support/faulty-upstream.ts';
import { temporaryDirectory } from '../support/run-cli.ts';
import { twoTierRoutes } from '../support/start-gateway.ts';

const folder = temporaryDirectory();
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);
const OUT = at('out.json');

let upstream: FaultyUpstream;
beforeEach(async () => {
  upstream = await FaultyUpstream.start(certain);
});
afterEach(async () => {
  await upstream.close();
  rmSync(OUT, { force: true });
});

/** Answers `yes` with the certainty that the prompt names. */
const certain: Behaviour = (call) => {
  call.open();
  call.role();
  sayYes(call);
  call.finish();
  call.done();
};
const sayYes = (call: UpstreamCall): void => {
  const probability = Number(/0\.\d+/.exec(String(call.body.messages[0]?.content))?.[0]);
  const logprob = Math.log(probability);
  const top_logprobs = [{ logprob }, { logprob: Math.log(1 - probability) }];
  const logprobs = { content: [{ token: 'yes', logprob, bytes: null, top_logprobs }] };
  call.spend('yes');
  call.event(call.chunk([{ index: 0, delta: { content: 'yes' }, logprobs, finish_reason: null }]));
};

const random = seededRandom(1);
const QUESTIONS = Array.from({ length: 160 }, (_, id) => {
  const probability = 0.5 + random() * 0.499;
  const isYes = random() < (probability - 0.5) * 2;
  return { id, prompt: `Is it so? ${probability.toFixed(4)}`, answer: isYes ? 'Yes.' : 'No' };
});
const lines = (rows: unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
writeFileSync(at('qa.jsonl'), lines(QUESTIONS));

const writeRoutes = (url: string, route: object = {}): string => {
  writeFileSync(at('routes.yaml'), JSON.stringify(twoTierRoutes({ small: url, large: url }, { route })));
  return at('routes.yaml');
};

const run = async (
  options: Partial<CalibrateConfidenceOptions>,
  onStart: (interrupt: () => void) => void = () => {},
) => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const listeners = new Set<() => void>();
  const context = {
    environment: { RIGHTSIZE_DATA_DIR: at('data') },
    stdin: new PassThrough(),
    stdout,
    stderr,
    clock: systemClock,
    onSignal: (_: string, callback: () => void) => {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
  };
  const running = calibrateConfidenceCommand({ labels: at('qa.jsonl'), out: OUT, ...options }, context);
  onStart(() => {
    for (const listener of listeners) listener();
  });
  const code = await running.finally(() => [stdout, stderr].map((stream) => stream.end()));
  expect(listeners.size).toBe(0);
  return { code, stdout: await text(stdout), stderr: await text(stderr) };
};

const ask = (options: Partial<CalibrateConfidenceOptions> = {}) =>
  ({ upstream: 'up-small', config: writeRoutes(upstream.url), ...options }) as const;

describe('questions are asked as a cascade asks', () => {
  test('streamed, with log-probabilities, at temperature 0, under the limit', async () => {
    const { code, stderr } = await run(ask({ maxTokens: '99' }));
    expect(code, stderr).toBe(0);
    expect(upstream.calls).toHaveLength(QUESTIONS.length);
    const { stream, temperature, max_tokens, logprobs, top_logprobs, model } = upstream.last.body;
    expect({ stream, temperature, max_tokens, logprobs, top_logprobs, model }).toEqual({
      stream: true,
      temperature: 0,
      max_tokens: 99,
      logprobs: true,
      top_logprobs: 2,
      model: 'small-1',
    });
    const file = JSON.parse(readFileSync(OUT, 'utf8'));
    expect(Object.keys(file)).toEqual([
      'kind',
      'version',
      'model',
      'figure',
      'tokens',
      'points',
      'rows',
      'right',
      'auc',
      'ece',
    ]);
    const right = QUESTIONS.filter(({ answer }) => answer === 'Yes.').length;
    expect(file).toMatchObject({ model: 'small-1', tokens: 24, rows: 160, right });
  });

  test('four at a time, and no more', async () => {
    let [open, most] = [0, 0];
    upstream.always(async (call) => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 5));
      open--;
      await certain(call);
    });
    expect((await run(ask())).code).toBe(0);
    expect(most).toBe(4);
  });

  test('stdout is data, as a table or as JSON, and progress is on stderr', async () => {
    const human = await run(ask());
    expect(human.stdout).toMatch(/^figure +AUC/m);
    expect(human.stdout).toMatch(/^ECE +0\.\d{3} +0\.\d{3}/m);
    expect(human.stdout).toMatch(/^0\.70 +\d+\.\d %/m);
    expect(human.stdout).not.toContain('asked');
    expect(human.stderr).toMatch(/^16 of 160 asked/m);
    const { stdout } = await run(ask({ json: true }));
    const { figures, before, after } = JSON.parse(stdout);
    expect(figures).toHaveLength(CERTAINTY_FIGURES.length);
    expect(before.kept).toHaveLength(5);
    expect(after.ece).toBeLessThan(before.ece);
  });

  test('a failure that may pass is asked again; the table does not depend on it', async () => {
    await run(ask());
    const expected = readFileSync(OUT, 'utf8');
    upstream.script((call) => call.json({ error: { message: 'busy' } }, 503));
    expect((await run(ask())).code).toBe(0);
    expect(readFileSync(OUT, 'utf8')).toBe(expected);
  });

  test('a route that judges by another number of tokens is named', async () => {
    const config = writeRoutes(upstream.url, { escalate: { tokens: 32 } });
    const { code, stderr } = await run({ upstream: 'up-small', config });
    expect(code).toBe(0);
    expect(stderr).toContain('warning: route default judges by 32 tokens, and this calibration by 24');
  });
});

describe('rows that hold their figures already', () => {
  test('are the table again, bit for bit, zipped and in another order too; nothing is asked', async () => {
    expect((await run(ask({ rows: at('rows.jsonl') }))).code).toBe(0);
    const expected = readFileSync(OUT, 'utf8');
    const calls = upstream.calls.length;
    const rows = readFileSync(at('rows.jsonl'), 'utf8');
    writeFileSync(at('rows.jsonl.gz'), gzipSync(rows));
    writeFileSync(at('reversed.jsonl'), rows.trim().split('\n').reverse().join('\n'));
    for (const name of ['rows.jsonl', 'rows.jsonl.gz', 'reversed.jsonl']) {
      rmSync(OUT);
      expect((await run({ labels: at(name), model: 'small-1' })).code).toBe(0);
      expect(readFileSync(OUT, 'utf8')).toBe(expected);
    }
    expect(upstream.calls).toHaveLength(calls);
  });

  test('beside others, only the others are asked', async () => {
    await run(ask({ rows: at('rows.jsonl') }));
    const judged = readFileSync(at('rows.jsonl'), 'utf8').split('\n').slice(0, 150).join('\n');
    writeFileSync(at('mixed.jsonl'), `${judged}\n${lines(QUESTIONS.slice(150))}`);
    upstream.forget();
    expect((await run(ask({ labels: at('mixed.jsonl') }))).code).toBe(0);
    expect(upstream.calls).toHaveLength(10);
  });
});

describe('it ends with one line and writes nothing', () => {
  const expectFailure = (
    { code, stdout, stderr }: Awaited<ReturnType<typeof run>>,
    status: number,
    message: RegExp,
  ) => {
    expect(stderr.trim().split('\n').at(-1)).toMatch(message);
    expect({ code, stdout }).toEqual({ code: status, stdout: '' });
    expect(existsSync(OUT)).toBe(false);
  };

  test('an upstream that cannot be reached', async () => {
    const config = writeRoutes(CLOSED_URL);
    const result = await run({ upstream: 'up-small', config });
    expectFailure(result, 1, /^rightsize calibrate: .*up-small.*/);
    expect(result.stderr.trim().split('\n')).toHaveLength(1);
  });

  test('an upstream that sends no log-probabilities', async () => {
    upstream.always(good);
    expectFailure(await run(ask()), 1, /up-small sends no log-probabilities with small-1/);
  });

  test('Ctrl-C: calls in flight are cut, and what was asked so far is kept where that was wished', async () => {
    let isCut = false;
    upstream.always(async (call) => {
      if (upstream.calls.length < 10) return certain(call);
      call.open();
      sayYes(call);
      isCut = (await call.closed) === 'cut';
    });
    const result = await run(
      ask({ rows: at('part.jsonl') }),
      (interrupt) => void upstream.untilCalls(13).then(interrupt),
    );
    expectFailure(result, 1, /^rightsize calibrate: stopped/);
    await upstream.untilIdle();
    expect(isCut).toBe(true);
    expect(readFileSync(at('part.jsonl'), 'utf8').trim().split('\n')).toHaveLength(9);
  });

  test('too few rows', async () => {
    writeFileSync(at('few.jsonl'), lines(QUESTIONS.slice(0, 20)));
    expectFailure(await run(ask({ labels: at('few.jsonl') })), 1, /20 answers are too few/);
  });

  test.each([
    ['no upstream to ask', { upstream: undefined }, /160 rows hold no certainty yet .* --upstream/],
    ['an upstream that is not in the file', { upstream: 'other' }, /has no upstream other; it has up-small, up-large/],
    ['labels that cannot be read', { labels: at('none.jsonl') }, /none\.jsonl cannot be read/],
    ['a place that cannot be written', { out: at('none/out.json') }, /cannot be written/],
    ['a number that is none', { tokens: 'many' }, /--tokens takes a whole number from 1 to 512/],
  ])('usage: %s', async (_, options, message) => {
    expectFailure(await run({ ...ask(), ...options }), 2, message);
    expect(upstream.calls).toHaveLength(0);
  });

  test.each([
    ['{"id": 1, "prompt": "x"}', /line 1: needs an answer, answers or a pattern/],
    ['{"id": 1, "answer": "x"}', /line 1: needs a prompt or messages/],
    ['{"id": 1, "prompt": "x", "pattern": "("}', /line 1: the pattern is no regular expression/],
    ['{"id": 1, "good": 1}', /line 1: good and certainty go together/],
    ['{"id": 1, "good": 1, "certainty": {"margin.p10": 0.5}}', /line 1: certainty/],
    ['{"id": 1, "prompt": "x", "answer": 1}\n{"id": 1, "prompt": "y", "answer": 2}', /the id 1 is there twice/],
  ])('a row that cannot be used: %s', async (row, message) => {
    writeFileSync(at('bad.jsonl'), row);
    expectFailure(await run(ask({ labels: at('bad.jsonl') })), 1, message);
  });
});
