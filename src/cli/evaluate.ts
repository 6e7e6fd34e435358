import { readLabelledFiles } from '../difficulty/labelled-files.ts';
import {
  foldOf,
  type LabelledRow,
  lengthOf,
  pairOf,
  type Scores,
  tierScores,
  toConversation,
} from '../difficulty/labelled-row.ts';
import { loadClassifier } from '../difficulty/load-classifier.ts';
import { measureSources, toMarkdown } from '../difficulty/source-figures.ts';
import { UsageError } from '../lib/usage-error.ts';
import { type CommandStreams, reportFailure } from './command-failure.ts';

export type EvaluateOptions = {
  data: string[];
  model?: string | undefined;
  /** Names in the rows' `models`; without them the rows' `weak` and `strong` count. */
  weak?: string | undefined;
  strong?: string | undefined;
  /** Judge by `weakMean` and `strongMean`, which are less noisy than one pair. */
  tiers?: boolean | undefined;
  /** Only these folds, e.g. `0,1` for the rows that the shipped model has not seen. */
  folds?: string | undefined;
  json?: boolean | undefined;
};

/**
 * `rightsize evaluate`: how well the difficulty ranks labelled rows, per source, as a Markdown table or JSON.
 * @returns the exit code.
 */
export const evaluateCommand = async (
  options: EvaluateOptions,
  { stdout, stderr }: CommandStreams,
): Promise<number> => {
  try {
    const scoresOf = chooseScores(options);
    const folds = parseFolds(options.folds);
    const classifier = await loadClassifier(options.model);
    const files = await readLabelledFiles(options.data);
    const rows = files.flatMap((file) => file.rows).filter((row) => !folds || folds.has(foldOf(row)));
    const outcomes = rows.flatMap((row) => {
      const scores = scoresOf(row);
      if (!scores) return [];
      const { difficulty } = classifier.classify(toConversation(row));
      return [{ ...scores, difficulty, source: row.source ?? 'unnamed', length: lengthOf(row) }];
    });
    const skipped = rows.length - outcomes.length;
    if (outcomes.length === 0) throw new UsageError(`none of the ${rows.length} rows has both scores asked for`);
    if (skipped > 0) stderr.write(`${skipped} of ${rows.length} rows skipped for lack of a weak or a strong score\n`);
    const figures = measureSources(outcomes);
    const { modelVersion } = classifier;
    stdout.write(options.json ? `${JSON.stringify({ modelVersion, figures })}\n` : toMarkdown(figures));
    return 0;
  } catch (error) {
    return reportFailure('evaluate', error, stderr);
  }
};

const chooseScores = ({ weak, strong, tiers }: EvaluateOptions): ((row: LabelledRow) => Scores | undefined) => {
  if ((weak === undefined) !== (strong === undefined)) throw new UsageError('--weak and --strong go together');
  if (weak === undefined || strong === undefined) {
    return tiers ? tierScores : (row) => pairOf(row.weak, row.strong);
  }
  if (tiers) throw new UsageError('--tiers and a pair of models exclude each other');
  return ({ models }) => pairOf(models?.[weak]?.score, models?.[strong]?.score);
};

const parseFolds = (folds: string | undefined): Set<number> | undefined => {
  if (folds === undefined) return undefined;
  if (!/^\d(,\d)*$/.test(folds)) throw new UsageError(`--folds takes numbers from 0 to 9 such as 0,1, not ${folds}`);
  return new Set(folds.split(',').map(Number));
};
