import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { calibrateCommand } from '../../src/cli/calibrate.ts';
import { loadClassifier } from '../../src/difficulty/load-classifier.ts';
import { seededRandom } from '../../src/difficulty/seeded-random.ts';
import { shippedWeights } from '../../src/difficulty/weights.ts';
import { conversationOf } from './conversation.ts';

const folder = mkdtempSync(join(tmpdir(), 'rightsize-calibrate-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Row = { id: number | string; prompt: string; weak: number; strong: number };

/** Questions of two subjects; on one of them the weak model fails with the chance given, on the other hardly ever. */
const makeRows = (count: number, failure = 0.7, seed = 5): Row[] => {
  const random = seededRandom(seed);
  const pick = (words: string[]) => words[Math.floor(random() * words.length)]!;
  return Array.from({ length: count }, (_, id) => {
    const isLaw = random() < 0.5;
    const subject = isLaw
      ? pick(['contract', 'plaintiff', 'statute', 'court', 'appeal', 'verdict'])
      : pick(['garden', 'flower', 'recipe', 'kitchen', 'soup', 'bread']);
    const prompt = `${pick(['Tell me about', 'Describe', 'What do you know of'])} the ${subject} number ${id}?`;
    return { id, prompt, weak: random() < (isLaw ? failure : 0.05) ? 0 : 1, strong: 1 };
  });
};

const run = async (rows: object[], name: string) => {
  const written = { stdout: '', stderr: '' };
  const collect = (stream: 'stdout' | 'stderr') =>
    new PassThrough().on('data', (chunk) => {
      written[stream] += chunk;
    });
  const labels = join(folder, `${name}.jsonl.gz`);
  writeFileSync(labels, gzipSync(rows.map((row) => JSON.stringify(row)).join('\n')));
  const out = join(folder, `${name}.model`);
  const streams = { stdin: new PassThrough(), stdout: collect('stdout'), stderr: collect('stderr') };
  const code = await calibrateCommand({ labels, out, json: true }, streams);
  await new Promise(setImmediate);
  return { code, out, ...written };
};

describe('rightsize calibrate', () => {
  test('learns the order from labels, says by how much, and writes a model that is loaded by name', async () => {
    const { code, out, stdout, stderr } = await run(makeRows(400), 'learns');
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('400 labels') });
    const { before, after, modelVersion, base } = JSON.parse(stdout);
    expect(after.apgr).toBeGreaterThan(before.apgr + 0.05);
    expect(after.ece).toBeLessThan(0.1);
    expect(base).toBe(shippedWeights().version);
    const classifier = await loadClassifier(out);
    expect(classifier.modelVersion).toBe(modelVersion);
    const scoreOf = (text: string) => classifier.classify(conversationOf(text)).difficulty;
    expect(scoreOf('Describe the statute number 7?')).toBeGreaterThan(scoreOf('Describe the soup number 7?'));
  });

  test('the same labels give the same bytes', async () => {
    const [first, second] = [await run(makeRows(250), 'once'), await run(makeRows(250), 'twice')];
    expect(readFileSync(second.out, 'utf8')).toBe(readFileSync(first.out, 'utf8'));
  });

  test.each<[string, object[], string]>([
    ['too few', makeRows(60), '60 labels are too few: at least 200 are needed (140 more)'],
    ['no gain', makeRows(300).map((row) => ({ ...row, weak: 1 })), 'did better on 0 of 300 prompts'],
    [
      'rare gain',
      makeRows(300).map((row, i) => ({ ...row, weak: i % 30 === 0 ? 0 : 1 })),
      'about 900 labels at this rate',
    ],
    [
      'no gap',
      makeRows(300).map((row, i) => ({ ...row, strong: i % 2, weak: (i + 1) % 2 })),
      'nothing to gain by routing',
    ],
    ['out of range', [...makeRows(10), { id: 'x', prompt: 'p', weak: 1.5, strong: 1 }], 'line 11: weak: '],
    ['a double id', [...makeRows(10), { id: 3, prompt: 'p', weak: 1, strong: 1 }], 'the id 3 is there twice'],
    ['no prompt', [{ id: 1, weak: 1, strong: 1 }], 'needs a prompt or messages'],
  ])('refuses labels with %s, writes nothing, and says why', async (name, rows, message) => {
    const { code, out, stderr, stdout } = await run(rows, name);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(() => readFileSync(out)).toThrow('ENOENT');
  });

  test('labels that have nothing to do with the prompts never make the order worse', async () => {
    const random = seededRandom(9);
    const rows = makeRows(400).map((row) => ({ ...row, weak: random() < 0.3 ? 0 : 1 }));
    const { code, stdout, stderr } = await run(rows, 'noise');
    if (code === 0) {
      const { before, after } = JSON.parse(stdout);
      expect(after.apgr).toBeGreaterThanOrEqual(before.apgr - 0.005);
      expect(after.ece).toBeLessThan(0.08);
    } else expect(stderr).toMatch(/worse than before|improve nothing/);
  });
});

test('a model file that is cut off, or no model, is refused in words', async () => {
  const path = join(folder, 'cut.model');
  writeFileSync(path, JSON.stringify(shippedWeights()).slice(0, 500));
  await expect(loadClassifier(path)).rejects.toThrow(/cut\.model cannot be read/);
  writeFileSync(path, '{"hello":1}');
  await expect(loadClassifier(path)).rejects.toThrow(/cut\.model is not a difficulty model/);
});
