import { createHash } from 'node:crypto';
import { CERTAINTY_FIGURES, type CertaintyFigure, type ConfidenceTable } from '../contract/confidence-table.ts';
import { type Certainty, confidenceOf, UNCALIBRATED } from './confidence.ts';
import {
  areaInterval,
  areaUnderRoc,
  calibrationError,
  isRightAnswer,
  type KeptAnswers,
  keptAnswers,
  type ScoredAnswer,
} from './confidence-quality.ts';
import { fitIsotonic } from './isotonic-regression.ts';

/** An answer whose quality is known: 0 is wrong, 1 is right. Answers to the same `prompt` stay in one fold. */
export type JudgedAnswer = { prompt: string; good: number; certainty: Certainty };

export type ConfidenceQuality = { auc: number; ece: number; kept: KeptAnswers[] };

export type ConfidenceCalibration = {
  table: ConfidenceTable;
  rows: number;
  right: number;
  /** Of each figure of certainty, cross-validated. */
  figures: { figure: CertaintyFigure; auc: number }[];
  /** Without a calibration, as a route judges that names none. */
  before: ConfidenceQuality;
  /** Cross-validated, the choice of the figure included. */
  after: ConfidenceQuality;
  /** 95 % interval of `after.auc`. */
  interval: { low: number; high: number };
};

/** Answers from which no calibration can be learnt; the message says why. */
class ConfidenceCalibrationRefused extends Error {
  override readonly name = 'ConfidenceCalibrationRefused';
}

const FEWEST_ANSWERS = 100;
/** Below so many of one kind, one lucky answer decides. */
const FEWEST_OF_A_KIND = 10;
const FOLDS = 5;
/** Chances that hang on fewer rows than this are mostly luck. */
const ROWS_OF_A_BLOCK = 15;
const MIN_CONFIDENCES = [0.5, 0.6, 0.7, 0.8, 0.9];

/**
 * From judged answers to the table that a tier model's `confidence` names: the figure of certainty that best tells
 * right from wrong, and a rising map from it to the probability that an answer is good. Every figure of quality is
 * cross-validated: each answer is judged by a table made without its fold.
 * @param random numbers in [0, 1) for the bootstrap; all else is fixed, and the order of answers does not matter.
 * @throws ConfidenceCalibrationRefused for too few answers, too few of one kind, or figures no better than chance.
 */
export const calibrateConfidence = (judged: readonly JudgedAnswer[], random: () => number): ConfidenceCalibration => {
  const answers = inFixedOrder(judged);
  refuseTooFew(answers);
  const figures = CERTAINTY_FIGURES.map((figure) => ({ figure, auc: heldOutArea(answers, figure) }));
  const before = score(answers, () => UNCALIBRATED);
  const after = score(answers, (training) => fitTable(training, bestFigure(training)));
  const interval = areaInterval(after, random);
  const auc = areaUnderRoc(after) ?? 0.5;
  if (interval.low <= 0.5) {
    throw new ConfidenceCalibrationRefused(
      `the certainty of this model does not tell its right answers from its wrong ones: AUC ${auc.toFixed(3)}, 95 % ` +
        `interval ${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}, and 0.5 is chance; try more answers, or ` +
        'more tokens',
    );
  }
  return {
    table: fitTable(answers, bestOf(figures)),
    rows: answers.length,
    right: answers.filter(isRightAnswer).length,
    figures,
    before: toQuality(before),
    after: toQuality(after),
    interval,
  };
};

type Answer = JudgedAnswer & { fold: number };
type Learn = (training: readonly Answer[]) => ConfidenceTable;

/** By prompt, so that neither folds nor the bootstrap depend on how the file was sorted. */
const inFixedOrder = (judged: readonly JudgedAnswer[]): Answer[] =>
  judged
    .map((answer) => ({ answer, key: createHash('sha1').update(answer.prompt).digest() }))
    .sort((a, b) => a.key.compare(b.key) || compareAnswers(a.answer, b.answer))
    .map(({ answer, key }) => ({ ...answer, fold: key.readUInt32BE() % FOLDS }));

/** Of the same prompt. */
const compareAnswers = (a: JudgedAnswer, b: JudgedAnswer): number =>
  CERTAINTY_FIGURES.reduce((order, figure) => order || a.certainty[figure] - b.certainty[figure], a.good - b.good);

const fitTable = (training: readonly Answer[], figure: CertaintyFigure): ConfidenceTable => {
  const observations = training.map(({ certainty, good }) => ({ x: certainty[figure], y: good }));
  const points: [number, number][] = [];
  let least = 0;
  for (const { x, y, rows } of fitIsotonic(observations, ROWS_OF_A_BLOCK)) {
    least = Math.max(least, withoutCertainties(y, rows));
    points.push([x, least]);
  }
  return { figure, points };
};

/** So many answers all right do not make the next one certain: no further than Laplace's rule of succession goes. */
const withoutCertainties = (share: number, rows: number): number =>
  Math.min(Math.max(share, 1 / (rows + 2)), (rows + 1) / (rows + 2));

/** Each answer by the table that is made from all other folds. */
const score = (answers: readonly Answer[], learn: Learn): ScoredAnswer[] => {
  const folds = new Set(answers.map(({ fold }) => fold));
  const tables = new Map([...folds].map((fold) => [fold, learn(answers.filter((answer) => answer.fold !== fold))]));
  return answers.map(({ certainty, good, fold }) => ({
    score: confidenceOf(certainty, tables.get(fold)!),
    good,
    fold,
  }));
};

const heldOutArea = (answers: readonly Answer[], figure: CertaintyFigure): number =>
  areaUnderRoc(score(answers, (training) => fitTable(training, figure))) ?? 0.5;

const bestFigure = (answers: readonly Answer[]): CertaintyFigure =>
  bestOf(CERTAINTY_FIGURES.map((figure) => ({ figure, auc: heldOutArea(answers, figure) })));

/** The earliest of equals. */
const bestOf = (figures: readonly { figure: CertaintyFigure; auc: number }[]): CertaintyFigure =>
  figures.reduce((best, next) => (next.auc > best.auc ? next : best)).figure;

const toQuality = (answers: readonly ScoredAnswer[]): ConfidenceQuality => ({
  auc: areaUnderRoc(answers) ?? 0.5,
  ece: calibrationError(answers),
  kept: MIN_CONFIDENCES.map((minConfidence) => keptAnswers(answers, minConfidence)),
});

const refuseTooFew = (answers: readonly Answer[]): void => {
  const rows = answers.length;
  if (rows < FEWEST_ANSWERS) {
    throw new ConfidenceCalibrationRefused(
      `${rows} answers are too few: at least ${FEWEST_ANSWERS} are needed (${FEWEST_ANSWERS - rows} more), ` +
        'and 300 to 1,000 are better',
    );
  }
  const right = answers.filter(isRightAnswer).length;
  const [rarer, word] = right * 2 < rows ? [right, 'right'] : [rows - right, 'wrong'];
  if (rarer === 0) {
    throw new ConfidenceCalibrationRefused(
      `all ${rows} answers are ${word === 'wrong' ? 'right' : 'wrong'}, so there is nothing to tell apart: ` +
        `add prompts that the model answers ${word}`,
    );
  }
  if (rarer < FEWEST_OF_A_KIND) {
    throw new ConfidenceCalibrationRefused(
      `only ${rarer} of ${rows} answers are ${word}, and at least ${FEWEST_OF_A_KIND} of each kind are needed`,
    );
  }
  if (new Set(answers.map(({ fold }) => fold)).size < FOLDS) {
    throw new ConfidenceCalibrationRefused('the rows hold too few different prompts to cross-validate anything');
  }
};
