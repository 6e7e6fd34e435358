import { fitKindModel } from '../../src/difficulty/fit-kind-model.ts';
import { difficultyOf } from '../../src/difficulty/kind-classifier.ts';
import { type Sample, weighSources } from '../../src/difficulty/samples.ts';
import type { Weights } from '../../src/difficulty/weights.ts';

const THRESHOLDS = [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6];

/** How many everyday prompts of each grade reach a threshold, each judged by a model without its fifth. */
export const everydayTable = (shipped: Weights, training: readonly Sample[]): string => {
  // Five parts of two folds each.
  const partOf = (sample: Sample) => Math.floor(sample.fold / 2);
  const judged = [0, 1, 2, 3, 4].flatMap((part) => {
    const model = { ...shipped, ...fitKindModel(weighSources(training.filter((sample) => partOf(sample) !== part))) };
    return training
      .filter((sample) => partOf(sample) === part)
      .map((sample) => ({ kind: sample.kind, difficulty: difficultyOf(model, sample.values) }));
  });
  const grades = ['demanding', 'middling', 'simple', 'trivial'].map((grade) => ({
    grade,
    rows: judged.filter(({ kind }) => kind === `everyday-${grade}`),
  }));
  const exams = judged.filter(({ kind }) => !kind.startsWith('everyday'));
  const reach = (rows: readonly { difficulty: number }[], threshold: number) =>
    rows.filter(({ difficulty }) => difficulty >= threshold).length;
  return [
    `| threshold | ${grades.map(({ grade, rows }) => `${grade} (${rows.length})`).join(' | ')} | exam questions |`,
    `|---|${'---|'.repeat(grades.length + 1)}`,
    ...THRESHOLDS.map((threshold) => {
      const counts = grades.map(({ rows }) => reach(rows, threshold)).join(' | ');
      const share = ((100 * reach(exams, threshold)) / exams.length).toFixed(1);
      return `| ${threshold.toFixed(2)} | ${counts} | ${share} % |`;
    }),
  ].join('\n');
};
