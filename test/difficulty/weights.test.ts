import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FEATURE_MEANINGS, FEATURE_NAMES } from '../../src/difficulty/features.ts';
import { parseWeights, shippedWeights } from '../../src/difficulty/weights.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('a weights file', () => {
  test('of other features is refused, naming the first that differs', () => {
    const renamed = { ...shippedWeights(), features: FEATURE_NAMES.map((name, i) => (i === 2 ? 'paragraphs' : name)) };
    expect(() => parseWeights(renamed, 'mine.json')).toThrow(
      `mine.json (version ${renamed.version}) was trained with other features than this build computes: at position 3 it has paragraphs, this build has ${FEATURE_NAMES[2]}.`,
    );
  });

  test('that lacks a feature or has one too many is refused', () => {
    const { features, mean, scale, ranking, kinds, ...rest } = shippedWeights();
    const resize = (change: <T>(list: T[], extra: T) => T[]) => ({
      ...rest,
      features: change(features, 'mood'),
      mean: change(mean, 0),
      scale: change(scale, 1),
      ranking: change(ranking, 0),
      kinds: kinds.map((kind) => ({ ...kind, weights: change(kind.weights, 0) })),
    });
    const shorter = resize((list) => list.slice(0, -1));
    expect(() => parseWeights(shorter, 'mine.json')).toThrow(/it has nothing, this build has/);
    const longer = resize((list, extra) => [...list, extra]);
    expect(() => parseWeights(longer, 'mine.json')).toThrow(/it has mood, this build has nothing/);
  });

  test.each([
    ['{}', {}],
    ['a list', []],
    ['lists of different lengths', { ...shippedWeights(), mean: [0] }],
    ['a scale of zero', { ...shippedWeights(), scale: shippedWeights().scale.map(() => 0) }],
  ])('that is %s is refused in one line', (_, value) => {
    expect(() => parseWeights(value, 'mine.json')).toThrow(/^mine\.json is not a difficulty model: .+$/);
  });
});

test.each([
  [{ format: 1 }, 'has format 1, and this build reads format 3. Make it again'],
  [{ format: undefined }, 'has format 1, and this build reads format 3. Make it again'],
  [{ format: 4 }, 'has format 4, and this build reads format 3. Update Rightsize.'],
])('a model file of another version is refused with advice: %o', (change, message) => {
  expect(() => parseWeights({ ...shippedWeights(), ...change }, 'mine.model')).toThrow(message);
});

describe('the shipped weights', () => {
  test('were trained on the anchors as they are now', () => {
    const anchors = shippedWeights().data.find(({ name }) => name === 'anchors.jsonl');
    expect(anchors?.sha256).toBe(createHash('sha256').update(read('src/difficulty/anchors.jsonl')).digest('hex'));
  });

  test('have rising quantiles and figures for every source they were trained on', () => {
    const { quantiles, heldOut } = shippedWeights();
    expect(quantiles).toEqual([...quantiles].sort((a, b) => a - b));
    expect(heldOut.folds).toEqual([0, 1]);
    expect(heldOut.figures.at(-1)?.source).toBe('all');
  });

  test('are described by the model card: version, every feature, every held-out figure', () => {
    const card = read('docs/difficulty.md');
    const { version, heldOut } = shippedWeights();
    expect(card).toContain(version);
    for (const [name, meaning] of FEATURE_MEANINGS) expect(card).toContain(`| \`${name}\` | ${meaning} |`);
    for (const { source, rows, apgr } of heldOut.figures) {
      expect(card).toMatch(new RegExp(`\\| ${source} \\| ${rows} \\|[^\\n]*\\| ${apgr?.toFixed(3) ?? '-'} \\|`));
    }
  });
});
