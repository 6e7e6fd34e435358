import { writeFile } from 'node:fs/promises';
import { readLabelledFiles } from '../difficulty/labelled-files.ts';
import { toMarkdown } from '../difficulty/source-figures.ts';
import { HELD_OUT_FOLDS, trainDifficulty } from '../difficulty/train.ts';
import { UsageError } from '../lib/usage-error.ts';
import { type CommandStreams, reportFailure } from './command-failure.ts';

export type TrainOptions = { data: string[]; out: string; report?: string | undefined };

/**
 * `rightsize train`: labelled rows in, a weights file out; the same files in the same order give the same bytes.
 * @returns the exit code.
 */
export const trainCommand = async (options: TrainOptions, { stderr }: CommandStreams): Promise<number> => {
  try {
    const files = await readLabelledFiles(options.data);
    const { weights, trained, heldOut, skipped } = trainDifficulty(
      files.flatMap((file) => file.rows),
      files.map(({ name, sha256, rows }) => ({ name, sha256, rows: rows.length })),
    );
    stderr.write(
      `${trained} rows for training, ${heldOut} held out (folds ${HELD_OUT_FOLDS.join(' and ')}), ` +
        `${skipped} skipped for lack of a weak or a strong score\n`,
    );
    await write(options.out, `${JSON.stringify(weights, null, 1)}\n`);
    const table = toMarkdown(weights.heldOut.figures);
    if (options.report !== undefined) await write(options.report, table);
    stderr.write(table);
    return 0;
  } catch (error) {
    return reportFailure('train', error, stderr);
  }
};

const write = async (path: string, text: string): Promise<void> => {
  try {
    await writeFile(path, text);
  } catch (error) {
    throw new UsageError(`${path} cannot be written: ${(error as Error).message}`);
  }
};
