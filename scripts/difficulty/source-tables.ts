import { fitKindModel } from '../../src/difficulty/fit-kind-model.ts';
import { difficultyOf } from '../../src/difficulty/kind-classifier.ts';
import { type Sample, weighSources } from '../../src/difficulty/samples.ts';
import { measureSources, toMarkdown } from '../../src/difficulty/source-figures.ts';
import type { Weights } from '../../src/difficulty/weights.ts';
import type { CardData } from './card-data.ts';
import { rankCorrelation } from './rank-correlation.ts';

/** The figures that training put into the weights. */
export const trainingFoldsTable = ({ heldOut }: Weights): string => toMarkdown(heldOut.figures);

/** Each training source, judged by a model that has seen all the others and nothing of it; the map is the shipped one. */
export const leaveOneOutTable = (shipped: Weights, training: readonly Sample[]): string => {
  const sources = [...new Set(training.map((sample) => sample.source))];
  const judged = sources.flatMap((source) => {
    const model = { ...shipped, ...fitKindModel(weighSources(training.filter((sample) => sample.source !== source))) };
    return judge(
      model,
      training.filter((sample) => sample.source === source),
    );
  });
  return toMarkdown(measureSources(judged).filter(({ source }) => source !== 'all'));
};

/** Sources that the shipped weights have never seen. */
export const unseenTables = (shipped: Weights, { unseen, weakOnly, graded }: CardData): string => {
  const isMixed = ({ source }: Sample) => source.startsWith('routerbench');
  const alone = measureSources(
    judge(
      shipped,
      unseen.filter((s) => !isMixed(s)),
    ),
  ).filter((row) => row.source !== 'all');
  const mixed = measureSources(judge(shipped, unseen.filter(isMixed))).map((row) =>
    row.source === 'all' ? { ...row, source: 'routerbench together' } : row,
  );
  const weak = measureSources(judge(shipped, weakOnly)).filter((row) => row.source !== 'all');
  const difficulties = graded.map(({ sample }) => difficultyOf(shipped, sample.values));
  const grades = graded.map(({ grade }) => grade);
  const byScore = rankCorrelation(difficulties, grades);
  const byLength = rankCorrelation(
    graded.map(({ sample }) => sample.length),
    grades,
  );
  return [
    toMarkdown([...alone, ...mixed]),
    'Outcomes of seven weak models only (RouterDC); the strong model is taken to be always right:\n',
    toMarkdown(weak),
    `FLASK has no outcomes, only GPT-4's difficulty grade of ${graded.length} instructions: rank correlation ${byScore.toFixed(2)}, by length ${byLength.toFixed(2)}.`,
  ].join('\n');
};

const judge = (model: Weights, samples: readonly Sample[]) =>
  samples.map((sample) => ({ ...sample, difficulty: difficultyOf(model, sample.values) }));
