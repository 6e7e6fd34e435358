import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { evaluateCommand } from '../../src/cli/evaluate.ts';
import { scoreCommand } from '../../src/cli/score.ts';
import { trainCommand } from '../../src/cli/train.ts';

const ANCHORS = fileURLToPath(new URL('../../src/difficulty/anchors.jsonl', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rightsize-difficulty-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileOf = (name: string, content: string | Buffer) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

/** Real streams: `stdin` in pieces of one byte, a `stdout` that is slow and has room for little. */
const openStreams = (input = '') => {
  const written = { stdout: '', stderr: '' };
  const collect = (name: 'stdout' | 'stderr') =>
    new Writable({
      highWaterMark: 16,
      write(chunk, _, done) {
        written[name] += chunk;
        setImmediate(done);
      },
    });
  const bytes = [...Buffer.from(input)].map((byte) => Buffer.from([byte]));
  return { written, streams: { stdin: Readable.from(bytes), stdout: collect('stdout'), stderr: collect('stderr') } };
};

describe('rightsize score', () => {
  test('answers in input order, from stdin in single bytes to a slow reader', async () => {
    const rows = [
      { id: 'b', prompt: '你好' },
      { id: 1, messages: [{ role: 'user', content: 'Prove Fermat’s last theorem' }], weak: 7 },
    ];
    const { written, streams } = openStreams(`${rows.map((row) => JSON.stringify(row)).join('\r\n\n')}`);
    expect(await scoreCommand({ input: '-' }, streams)).toBe(0);
    const answers = written.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(answers.map(({ id }) => id)).toEqual(['b', 1]);
    expect(answers[0].difficulty).toBeLessThan(answers[1].difficulty);
  });

  test.each([
    ['{"id": 1}', 'needs a prompt or messages'],
    ['{"prompt": "hi"}', 'id: '],
    ['{"id": 1, "prompt": 5}', 'prompt: '],
    ['hello', 'not JSON'],
    ['[1]', 'expected object'],
  ])('stops at %s, naming the line and what is wrong', async (line, message) => {
    const { written, streams } = openStreams(`{"id":0,"prompt":"hi"}\n${line}\n`);
    expect(await scoreCommand({ input: '-' }, streams)).toBe(1);
    expect(written.stderr).toMatch(/^rightsize score: standard input, line 2: .+\n$/);
    expect(written.stderr).toContain(message);
  });

  test('a missing file or model is a usage error', async () => {
    for (const options of [{ input: join(folder, 'absent') }, { input: '-', model: join(folder, 'absent') }]) {
      const { written, streams } = openStreams();
      expect(await scoreCommand(options, streams)).toBe(2);
      expect(written.stderr).toMatch(/^rightsize score: .*absent cannot be read.*\n$/);
    }
  });
});

describe('rightsize train', () => {
  test('writes the same bytes again, from plain and from compressed rows, and a model that score takes', async () => {
    const compressed = fileOf('anchors.jsonl', gzipSync(readFileSync(ANCHORS)));
    const [first, second, report] = ['one.json', 'two.json', 'report.md'].map((name) => join(folder, name));
    expect(await trainCommand({ data: [ANCHORS], out: first!, report }, openStreams().streams)).toBe(0);
    expect(await trainCommand({ data: [compressed], out: second! }, openStreams().streams)).toBe(0);
    expect(readFileSync(second!, 'utf8')).toBe(readFileSync(first!, 'utf8'));
    expect(readFileSync(report!, 'utf8')).toMatch(/^\| source \|.*\n.*\n\| anchors \| \d+ \|/);
    const { written, streams } = openStreams('{"id":1,"prompt":"hi"}');
    expect(await scoreCommand({ input: '-', model: first! }, streams)).toBe(0);
    expect(JSON.parse(written.stdout).difficulty).toBeLessThan(0.3);
  });

  test.each([
    ['a score above 1', '{"id":1,"prompt":"a","weak":2,"strong":1}', 1, 'line 1: weak: '],
    ['an id that is there twice', '{"id":1,"prompt":"a"}\n{"id":1,"prompt":"b"}', 1, 'the id 1 is there twice'],
    ['no scores', '{"id":1,"prompt":"a"}', 1, 'no row outside the held-out folds'],
    ['half a gzip file', gzipSync('{"id":1}').subarray(0, 15), 2, 'cannot be read'],
  ])('refuses %s', async (name, content, code, message) => {
    const { written, streams } = openStreams();
    const options = { data: [fileOf(`${name}.jsonl`, content)], out: join(folder, 'unused.json') };
    expect(await trainCommand(options, streams)).toBe(code);
    expect(written.stderr).toContain(message);
  });
});

describe('rightsize evaluate', () => {
  test('prints one line per source, and the same as JSON', async () => {
    const text = openStreams();
    expect(await evaluateCommand({ data: [ANCHORS], folds: '0,1' }, text.streams)).toBe(0);
    const json = openStreams();
    expect(await evaluateCommand({ data: [ANCHORS], folds: '0,1', json: true }, json.streams)).toBe(0);
    const [figures] = JSON.parse(json.written.stdout).figures;
    expect(figures.source).toBe('anchors');
    expect(text.written.stdout).toContain(`| anchors | ${figures.rows} |`);
  });

  test('compares any two models of the rows', async () => {
    const scores = (small: number) => ({ tiny: { score: small }, huge: { score: 1 } });
    const rows = [
      { id: 1, prompt: 'hi', models: scores(1) },
      { id: 2, prompt: 'Prove the theorem and derive the bound.', models: scores(0) },
      { id: 3, prompt: 'no scores', models: {} },
    ];
    const data = [fileOf('models.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'))];
    const { written, streams } = openStreams();
    expect(await evaluateCommand({ data, weak: 'tiny', strong: 'huge', json: true }, streams)).toBe(0);
    expect(JSON.parse(written.stdout).figures[0]).toMatchObject({ rows: 2, weak: 0.5, strong: 1, auc: 1 });
    expect(written.stderr).toBe('1 of 3 rows skipped for lack of a weak or a strong score\n');
  });

  test.each([
    [{ data: [] }, 'at least one file'],
    [{ data: [ANCHORS], weak: 'tiny' }, '--weak and --strong go together'],
    [{ data: [ANCHORS], weak: 'tiny', strong: 'huge' }, 'none of the'],
    [{ data: [ANCHORS], folds: 'two' }, '--folds takes'],
    [{ data: [ANCHORS], weak: 'tiny', strong: 'huge', tiers: true }, 'exclude each other'],
  ])('refuses %o', async (options, message) => {
    const { written, streams } = openStreams();
    expect(await evaluateCommand(options, streams)).toBe(2);
    expect(written.stderr).toContain(message);
  });
});
