import { access, constants, writeFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { CertaintyFigure } from '../contract/confidence-table.ts';
import { seededRandom } from '../difficulty/seeded-random.ts';
import {
  type ConfidenceCalibration,
  calibrateConfidence,
  type JudgedAnswer,
} from '../execution/calibrate-confidence.ts';
import { UsageError } from '../lib/usage-error.ts';
import { configFileOf } from '../settings.ts';
import { type AskedModel, askQuestions, findModel } from './ask-questions.ts';
import { reportFailure } from './command-failure.ts';
import type { CliContext } from './context.ts';
import { type LabelledAnswer, type Question, readLabelledAnswers, toLine } from './labelled-answers.ts';
import { table } from './table.ts';

export type CalibrateConfidenceOptions = {
  /** JSONL, plain or gzipped: see `readLabelledAnswers`. */
  labels: string;
  out: string;
  /** Of routes.yaml; not needed where every row holds its figures already. */
  upstream?: string | undefined;
  model?: string | undefined;
  config?: string | undefined;
  /** Scored tokens, as the route's `escalate.tokens`. */
  tokens?: string | undefined;
  /** Limit of an answer. */
  maxTokens?: string | undefined;
  /** Where to write the judged rows, to calibrate again without asking. */
  rows?: string | undefined;
  dataDir?: string | undefined;
  json?: boolean | undefined;
};

const SEED = 7;
const DEFAULT_TOKENS = 24;
const DEFAULT_MAX_TOKENS = 256;

/**
 * `rightsize calibrate --confidence`: questions with known answers in, asked of a model of routes.yaml as a cascade
 * asks; a table out that maps the model's certainty to the chance that an answer is good, with cross-validated figures
 * before and after. Refuses, and writes nothing, where the answers are too few or certainty tells nothing.
 * @returns the exit code.
 */
export const calibrateConfidenceCommand = async (
  options: CalibrateConfidenceOptions,
  context: CliContext,
): Promise<number> => {
  const { stdout, stderr } = context;
  const stop = new AbortController();
  const unlisten = (['SIGINT', 'SIGTERM'] as const).map((name) =>
    context.onSignal(name, () => {
      for (const off of unlisten) off();
      stop.abort(new Error('stopped before every question was asked'));
    }),
  );
  try {
    const tokens = wholeNumber('--tokens', options.tokens, DEFAULT_TOKENS, 512);
    const maxTokens = wholeNumber('--max-tokens', options.maxTokens, DEFAULT_MAX_TOKENS, 1_000_000);
    const rows = await readLabelledAnswers(options.labels);
    await refuseUnwritable([options.out, options.rows]);
    const asked = await chooseModel(options, rows, context);
    const settings = { tokens, maxTokens, dataDir: options.dataDir, signal: stop.signal };
    const answers = await collect(rows, asked && { ...asked, ...settings }, options, context);
    const calibration = calibrateConfidence(answers, seededRandom(SEED));
    const file = toFile(calibration, asked?.model ?? options.model ?? 'unnamed', tokens);
    await write(options.out, `${JSON.stringify(file, null, 1)}\n`);
    const { before, after, figures, interval } = calibration;
    stdout.write(
      options.json ? `${JSON.stringify({ ...file, interval, figures, before, after })}\n` : describe(calibration),
    );
    stderr.write(
      `${options.out} written from ${file.rows} answers; figures are cross-validated. In routes.yaml, at a tier's ` +
        `model:\n  confidence: ${basename(options.out)}\n`,
    );
    warnOfOtherTokens(asked, tokens, context);
    return 0;
  } catch (error) {
    return reportFailure('calibrate', error, stderr);
  } finally {
    for (const off of unlisten) off();
  }
};

const chooseModel = async (
  { upstream, model, config }: CalibrateConfidenceOptions,
  rows: readonly LabelledAnswer[],
  context: CliContext,
): Promise<AskedModel | null> => {
  if (upstream !== undefined) {
    return findModel({ upstream, model, config: configFileOf(config, context.environment) }, context);
  }
  const open = rows.filter(({ kind }) => kind === 'question').length;
  if (open === 0) return null;
  throw new UsageError(`${open} rows hold no certainty yet and must be asked: name the upstream with --upstream`);
};

type Settings = Parameters<typeof askQuestions>[1];

/** The judged rows, in the order of the file; those that hold no figures are asked. */
const collect = async (
  rows: readonly LabelledAnswer[],
  settings: Settings | null,
  options: CalibrateConfidenceOptions,
  context: CliContext,
): Promise<JudgedAnswer[]> => {
  const judged = new Map<string | number, JudgedAnswer>();
  for (const row of rows) if (row.kind === 'judged') judged.set(row.id, row);
  const questions = rows.filter((row): row is Question => row.kind === 'question');
  if (questions.length > 0 && settings !== null) {
    const progress = showProgress(questions.length, context);
    let right = 0;
    try {
      await askQuestions(questions, settings, context, (_, answer) => {
        judged.set(answer.id, answer);
        right += answer.good;
        progress(right);
      });
    } finally {
      await keepRows(rows, judged, options);
    }
    const mute = rows.length - judged.size;
    if (mute > 0) context.stderr.write(`${mute} questions skipped: their answers were empty\n`);
  }
  return rows.flatMap(({ id }) => judged.get(id) ?? []);
};

/** Also where asking failed halfway: answers cost time and money. */
const keepRows = async (
  rows: readonly LabelledAnswer[],
  judged: ReadonlyMap<string | number, JudgedAnswer>,
  options: CalibrateConfidenceOptions,
): Promise<void> => {
  if (options.rows === undefined) return;
  const lines = rows.flatMap(({ id }) => {
    const answer = judged.get(id);
    return answer ? toLine({ id, ...answer }) : [];
  });
  await write(options.rows, lines.join(''));
};

/** A line for each tenth; on a terminal one line that changes with each answer. */
const showProgress = (total: number, { stderr }: CliContext) => {
  const isTerminal = (stderr as { isTTY?: boolean }).isTTY === true;
  let done = 0;
  return (right: number): void => {
    done++;
    const text = `${done} of ${total} asked, ${right} right`;
    if (isTerminal) stderr.write(`\r\u001b[K${text}${done === total ? '\n' : ''}`);
    else if (Math.floor((done * 10) / total) > Math.floor(((done - 1) * 10) / total)) stderr.write(`${text}\n`);
  };
};

const toFile = (
  { table: { figure, points }, rows, right, after }: ConfidenceCalibration,
  model: string,
  tokens: number,
) => ({
  kind: 'rightsize-confidence' as const,
  version: 1 as const,
  model,
  figure,
  tokens,
  points,
  rows,
  right,
  auc: rounded(after.auc),
  ece: rounded(after.ece),
});

const describe = ({
  table: { figure: chosen },
  rows,
  right,
  figures,
  before,
  after,
  interval,
}: ConfidenceCalibration) => {
  const mark = (figure: CertaintyFigure) => (figure === chosen ? 'chosen' : '');
  const percent = (share: number | null) => (share === null ? '-' : `${(share * 100).toFixed(1)} %`);
  return [
    `${right} of ${rows} answers right (${percent(right / rows)})\n`,
    table([['figure', 'AUC', ''], ...figures.map(({ figure, auc }) => [figure, auc.toFixed(3), mark(figure)])]),
    table([
      ['', 'uncalibrated', 'calibrated'],
      [
        'AUC',
        before.auc.toFixed(3),
        `${after.auc.toFixed(3)} (${interval.low.toFixed(3)} to ${interval.high.toFixed(3)})`,
      ],
      ['ECE', before.ece.toFixed(3), after.ece.toFixed(3)],
    ]),
    table([
      ['minConfidence', 'kept before', 'of these good', 'kept after', 'of these good'],
      ...before.kept.map(({ minConfidence, share, good }, i) => {
        const then = after.kept[i]!;
        return [minConfidence.toFixed(2), percent(share), percent(good), percent(then.share), percent(then.good)];
      }),
    ]),
  ].join('\n');
};

/** A table tells of answers judged by so many tokens, and of no others. */
const warnOfOtherTokens = (asked: AskedModel | null, tokens: number, { stderr }: CliContext): void => {
  for (const { name, escalate } of asked?.config.routes.routes ?? []) {
    if (escalate === undefined || escalate.tokens === tokens) continue;
    stderr.write(`warning: route ${name} judges by ${escalate.tokens} tokens, and this calibration by ${tokens}\n`);
  }
};

const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;

const wholeNumber = (flag: string, text: string | undefined, byDefault: number, most: number): number => {
  if (text === undefined) return byDefault;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  throw new UsageError(`${flag} takes a whole number from 1 to ${most}, not ${text}`);
};

/** Before anything is asked: an hour later would be a bad time to find out. */
const refuseUnwritable = async (paths: readonly (string | undefined)[]): Promise<void> => {
  for (const path of paths) {
    if (path === undefined) continue;
    try {
      await access(dirname(resolve(path)), constants.W_OK);
    } catch (error) {
      throw new UsageError(`${path} cannot be written: ${(error as Error).message}`);
    }
  }
};

const write = async (path: string, text: string): Promise<void> => {
  try {
    await writeFile(path, text);
  } catch (error) {
    throw new UsageError(`${path} cannot be written: ${(error as Error).message}`);
  }
};
