import { describe, expect, test } from 'vitest';
import { CERTAINTY_FIGURES, ConfidenceTableSchema } from '../../src/contract/confidence-table.ts';
import { seededRandom } from '../../src/difficulty/seeded-random.ts';
import { isRight } from '../../src/execution/answer-key.ts';
import { calibrateConfidence, type JudgedAnswer } from '../../src/execution/calibrate-confidence.ts';
import { type Certainty, confidenceOf } from '../../src/execution/confidence.ts';
import {
  areaInterval,
  areaUnderRoc,
  calibrationError,
  keptAnswers,
  type ScoredAnswer,
} from '../../src/execution/confidence-quality.ts';
import { fitIsotonic } from '../../src/execution/isotonic-regression.ts';

const certainty = (value: number, others: Partial<Certainty> = {}): Certainty => ({
  ...(Object.fromEntries(CERTAINTY_FIGURES.map((figure) => [figure, value])) as Certainty),
  ...others,
});

/** The model says p and is right as seldom as p cubed; only `margin.p25` tells, the other figures are noise. */
const overconfident = (count: number, seed = 1): JudgedAnswer[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const p = random();
    const noise = certainty(0.5 + random() / 2);
    return { prompt: `p${i}`, good: random() < p ** 3 ? 1 : 0, certainty: { ...noise, 'margin.p25': p } };
  });
};

const calibrate = (answers: JudgedAnswer[]) => calibrateConfidence(answers, seededRandom(7));

describe('isotonic regression', () => {
  const values = (...ys: number[]) => ys.map((y, x) => ({ x, y }));

  test.each([
    ['what rises already stays', values(0, 0.5, 1), [0, 0.5, 1], [1, 1, 1]],
    ['what falls everywhere becomes its mean', values(3, 2, 1), [2], [3]],
    ['a violation is pooled', values(1, 0, 2), [0.5, 2], [2, 1]],
    ['a pool that falls below the one before swallows it too', values(2, 3, 1, 0), [1.5], [4]],
    ['pools weigh by their rows', values(0, 4, 1, 1, 9), [0, 2, 9], [1, 3, 1]],
    ['equal neighbours are no violation', values(1, 1, 2), [1, 1, 2], [1, 1, 1]],
    ['nothing gives nothing', [], [], []],
  ])('%s', (_, observations, ys, rows) => {
    const blocks = fitIsotonic(observations);
    expect(blocks.map(({ y }) => y)).toEqual(ys);
    expect(blocks.map((block) => block.rows)).toEqual(rows);
  });

  test('equal figures are one block, whatever came of them', () => {
    const blocks = fitIsotonic([
      { x: 0.5, y: 1 },
      { x: 0.5, y: 0 },
      { x: 0.2, y: 0 },
    ]);
    expect(blocks).toEqual([
      { x: 0.2, y: 0, rows: 1 },
      { x: 0.5, y: 0.5, rows: 2 },
    ]);
  });

  test('no block has fewer rows than asked for, and what is left over joins the last', () => {
    const random = seededRandom(2);
    for (const count of [1, 14, 15, 29, 30, 31, 200]) {
      const blocks = fitIsotonic(
        Array.from({ length: count }, () => ({ x: random(), y: Math.round(random()) })),
        15,
      );
      expect(blocks.reduce((sum, { rows }) => sum + rows, 0)).toBe(count);
      expect(blocks.every(({ rows }) => rows >= Math.min(15, count))).toBe(true);
    }
  });

  test('it is the rising fit with the least squared error', () => {
    const random = seededRandom(4);
    const observations = Array.from({ length: 60 }, (_, x) => ({ x, y: random() }));
    const blocks = fitIsotonic(observations);
    const fitted = blocks.flatMap(({ y, rows }) => new Array<number>(rows).fill(y));
    const errorOf = (ys: number[]) => ys.reduce((sum, y, i) => sum + (y - observations[i]!.y) ** 2, 0);
    for (let i = 0; i < 500; i++) {
      const other = fitted.map((y) => y + (random() - 0.5) * 0.1).sort((a, b) => a - b);
      expect(errorOf(other)).toBeGreaterThan(errorOf(fitted));
    }
  });
});

describe('figures of quality', () => {
  const answers = (...pairs: [score: number, good: number, fold?: number][]): ScoredAnswer[] =>
    pairs.map(([score, good, fold = 0]) => ({ score, good, fold }));

  test.each([
    ['all right above all wrong', answers([0.9, 1], [0.8, 1], [0.2, 0]), 1],
    ['all wrong above all right', answers([0.1, 1], [0.8, 0]), 0],
    ['a tie counts half', answers([0.5, 1], [0.5, 0]), 0.5],
    ['three of four pairs', answers([0.9, 1], [0.4, 1], [0.6, 0], [0.1, 0]), 0.75],
    ['two and a half of four', answers([0.9, 1], [0.4, 1], [0.4, 0], [0.6, 0]), 0.625],
    ['pairs of different folds do not count', answers([0.9, 1, 0], [0.1, 0, 0], [0.2, 1, 1], [0.3, 0, 1]), 0.5],
    ['one kind only', answers([0.9, 1], [0.4, 1]), null],
    ['no fold with both kinds', answers([0.9, 1, 0], [0.4, 0, 1]), null],
    ['half good is right', answers([0.9, 0.5], [0.4, 0.49]), 1],
  ])('AUC: %s', (_, scored, expected) => {
    expect(areaUnderRoc(scored)).toBe(expected);
  });

  test('the interval of a perfect order is 1 to 1, and that of noise holds 0.5', () => {
    const perfect = answers(...Array.from({ length: 200 }, (_, i): [number, number] => [i / 200, i < 100 ? 0 : 1]));
    expect(areaInterval(perfect, seededRandom(1))).toEqual({ low: 1, high: 1 });
    const random = seededRandom(5);
    const noise = answers(...Array.from({ length: 200 }, (): [number, number] => [random(), Math.round(random())]));
    const { low, high } = areaInterval(noise, seededRandom(1));
    expect(low).toBeLessThan(0.5);
    expect(high).toBeGreaterThan(0.5);
    expect(high - low).toBeCloseTo(0.16, 1);
  });

  test('the calibration error is the mean distance, by bins', () => {
    expect(calibrationError(answers([0.75, 1], [0.75, 1], [0.75, 1], [0.75, 0]))).toBeCloseTo(0, 12);
    expect(calibrationError(answers([1, 1], [1, 0], [0, 0], [0, 0]))).toBeCloseTo(0.25, 12);
    expect(calibrationError(answers([0.1, 1], [0.9, 0]))).toBeCloseTo(0.9, 12);
  });

  test('what a bar keeps, and how good that is', () => {
    const scored = answers([0.9, 1], [0.7, 0.5], [0.69, 0], [0.1, 1]);
    expect(keptAnswers(scored, 0.7)).toEqual({ minConfidence: 0.7, share: 0.5, good: 0.75 });
    expect(keptAnswers(scored, 0.95)).toEqual({ minConfidence: 0.95, share: 0, good: null });
  });
});

describe('a calibration', () => {
  const calibration = calibrate(overconfident(600));

  test('finds the figure that tells, and its map is near the truth', () => {
    expect(calibration.table.figure).toBe('margin.p25');
    for (const p of [0.5, 0.7, 0.9]) {
      const confidence = confidenceOf(certainty(0, { 'margin.p25': p }), calibration.table);
      expect(Math.abs(confidence - p ** 3)).toBeLessThan(0.12);
    }
  });

  test('is a table that routes.yaml takes: both columns rise, and no chance is 0 or 1', () => {
    const { points, figure } = calibration.table;
    expect(ConfidenceTableSchema.safeParse({ kind: 'rightsize-confidence', version: 1, figure, points }).error).toBe(
      undefined,
    );
    expect(points.length).toBeGreaterThan(3);
    expect(points.every(([, chance]) => chance > 0 && chance < 1)).toBe(true);
  });

  test('means what it says better than the bare figure, and keeps better answers at the same bar', () => {
    const { before, after } = calibration;
    expect(after.ece).toBeLessThan(before.ece / 2);
    expect(after.auc).toBeGreaterThan(before.auc + 0.2);
    const at = (minConfidence: number) => after.kept.find((kept) => kept.minConfidence === minConfidence);
    expect(at(0.7)?.good).toBeGreaterThan(0.65);
    expect(at(0.5)!.share).toBeGreaterThan(at(0.9)!.share);
  });

  test('figures that tell alike: the earliest is chosen', () => {
    const random = seededRandom(9);
    const answers = Array.from({ length: 200 }, (_, i) => {
      const p = random();
      return { prompt: `p${i}`, good: random() < p ? 1 : 0, certainty: certainty(p) };
    });
    expect(calibrate(answers).table.figure).toBe('probability.p10');
  });

  test('is the same to the bit on each run, in whatever order the answers come', () => {
    const answers = overconfident(600);
    const random = seededRandom(11);
    const shuffled = answers
      .map((answer) => ({ answer, at: random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ answer }) => answer);
    expect(JSON.stringify(calibrate(answers))).toBe(JSON.stringify(calibration));
    expect(JSON.stringify(calibrate(shuffled))).toBe(JSON.stringify(calibration));
  });

  test('answers that are good in part count in part', () => {
    const answers = overconfident(300).map((answer) => ({ ...answer, good: answer.good === 1 ? 0.75 : 0.25 }));
    const { points } = calibrate(answers).table;
    expect(points.every(([, chance]) => chance >= 0.25 && chance <= 0.75)).toBe(true);
  });
});

describe('a calibration is refused, in words', () => {
  const answers = overconfident(300);
  const withGood = (good: (i: number) => number) => answers.map((answer, i) => ({ ...answer, good: good(i) }));

  test.each([
    ['too few answers', answers.slice(0, 63), /^63 answers are too few: at least 100 are needed \(37 more\)/],
    ['none wrong', withGood(() => 1), /^all 300 answers are right, .* the model answers wrong$/],
    ['none right', withGood(() => 0), /^all 300 answers are wrong, .* the model answers right$/],
    ['hardly any right', withGood((i) => (i < 4 ? 1 : 0)), /^only 4 of 300 answers are right/],
    ['one prompt only', answers.map((answer) => ({ ...answer, prompt: 'same' })), /too few different prompts/],
    [
      'certainty that tells nothing',
      withGood((i) => i % 2),
      /does not tell its right answers from its wrong ones: AUC 0\.\d+/,
    ],
    [
      'certainty that is the same for all',
      withGood((i) => i % 2).map((answer) => ({ ...answer, certainty: certainty(0.9) })),
      /AUC 0\.500/,
    ],
    [
      'more certain where it is wrong',
      answers.map((answer) => ({ ...answer, certainty: certainty(answer.good ? 0.2 : 0.8) })),
      /does not tell/,
    ],
  ])('%s', (_, given, message) => {
    expect(() => calibrate(given)).toThrow(message);
  });
});

describe('what counts as a right answer', () => {
  test.each([
    ['It is Paris.', 'paris', true],
    ['PARIS', 'Paris', true],
    ['Parisian', 'Paris', false],
    ['New  York, of course', 'new york', true],
    ['York, New', 'New York', false],
    ['about 1,234.50 dollars', '1234.50', true],
    ['the answer is -5', '5', false],
    ['the answer is \u22125', '-5', true],
    ['3-5', '5', true],
    ['42.5', '42', false],
    ['法国的首都是巴黎。', '巴黎', true],
    ['café', 'cafe\u0301', true],
    ['nothing', '', false],
    ['++', '++', true],
    ['', 'x', false],
  ])('%j for %j: %s', (answer, expected, isGood) => {
    expect(isRight(answer, { answers: ['something else', expected], pattern: null })).toBe(isGood);
  });

  test('a pattern sees the answer as it is', () => {
    expect(isRight('Result: A)', { answers: [], pattern: /\bA\)/iu })).toBe(true);
    expect(isRight('Result: B)', { answers: [], pattern: /\bA\)/iu })).toBe(false);
  });
});
