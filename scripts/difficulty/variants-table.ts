import { FEATURE_NAMES } from '../../src/difficulty/features.ts';
import { fitKindModel } from '../../src/difficulty/fit-kind-model.ts';
import { difficultyOf } from '../../src/difficulty/kind-classifier.ts';
import { measureRouting } from '../../src/difficulty/metrics.ts';
import { type Sample, weighSources } from '../../src/difficulty/samples.ts';
import { HELD_OUT_FOLDS } from '../../src/difficulty/train.ts';
import type { Weights } from '../../src/difficulty/weights.ts';
import { WORD_KINDS } from '../../src/difficulty/word-lists.ts';

const WORD_LISTS = new RegExp(
  `^(?:(?:${WORD_KINDS.join('|')})Words|hardOpening|openExpertise|demandDensity|plainRequest)$`,
);

type Score = (sample: Sample) => number;

/** What each part of the model is worth: APGR of the held-out folds together and of sources never seen. */
export const variantsTable = (shipped: Weights, training: readonly Sample[], unseen: readonly Sample[]): string => {
  const seen = training.filter((sample) => !HELD_OUT_FOLDS.includes(sample.fold));
  const heldOut = training.filter((sample) => HELD_OUT_FOLDS.includes(sample.fold));
  const learn = (samples: readonly Sample[]): Weights => ({ ...shipped, ...fitKindModel(weighSources(samples)) });
  const without = (blanked: RegExp) => (sample: Sample) => ({
    ...sample,
    values: sample.values.map((value, i) => (blanked.test(FEATURE_NAMES[i]!) ? 0 : value)),
  });
  const whole = learn(seen);
  const ablated = (blanked: RegExp): Score => {
    const blank = without(blanked);
    const model = learn(seen.map(blank));
    return (sample) => difficultyOf(model, blank(sample).values);
  };
  const scoreBy =
    (model: Weights): Score =>
    (sample) =>
      difficultyOf(model, sample.values);
  const variants: [string, Score][] = [
    ['length in characters', (sample) => sample.length],
    ['shipped', scoreBy(whole)],
    ['kinds only, no rank among a kind', scoreBy({ ...whole, ranking: whole.ranking.map(() => 0) })],
    ['rank only, no kinds', scoreBy({ ...whole, kindScale: 0 })],
    ['rank counts double', scoreBy({ ...whole, ranking: whole.ranking.map((weight) => 2 * weight) })],
    ['without word vectors', ablated(/^topic/)],
    ['without word lists', ablated(WORD_LISTS)],
    ['without the anchors', scoreBy(learn(seen.filter(({ source }) => source !== 'anchors')))],
  ];
  const places: [string, readonly Sample[]][] = [
    ['held-out folds', heldOut],
    ['their exams', heldOut.filter(({ source }) => source !== 'anchors')],
    ['MMLU-Pro', heldOut.filter(({ source }) => source === 'mmlupro-stem')],
    ['anchors', heldOut.filter(({ source }) => source === 'anchors')],
    ['AlpacaEval 1 (unseen)', unseen.filter(({ source }) => source === 'alpacaeval1')],
    ['ARC (unseen)', unseen.filter(({ source }) => source.includes('arc'))],
  ];
  return [
    `| variant | ${places.map(([name]) => name).join(' | ')} |`,
    `|---|${'---|'.repeat(places.length)}`,
    ...variants.map(([name, score]) => {
      const figures = places.map(([, samples]) =>
        measureRouting(samples.map((sample) => ({ ...sample, difficulty: score(sample) }))).apgr?.toFixed(3),
      );
      return `| ${name} | ${figures.join(' | ')} |`;
    }),
  ].join('\n');
};
