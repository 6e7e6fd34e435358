import { writeFile } from 'node:fs/promises';
import { calibrate } from '../difficulty/calibrate.ts';
import { readLabelledFiles } from '../difficulty/labelled-files.ts';
import { loadWeights } from '../difficulty/load-classifier.ts';
import { toSamples } from '../difficulty/samples.ts';
import { toMarkdown } from '../difficulty/source-figures.ts';
import { UsageError } from '../lib/usage-error.ts';
import { type CommandStreams, reportFailure } from './command-failure.ts';

export type CalibrateOptions = {
  /** JSONL, plain or gzipped, of rows `{id, prompt | messages, weak, strong}`, scores from 0 to 1. */
  labels: string;
  out: string;
  /** The model to start from; the shipped one without it. */
  model?: string | undefined;
  json?: boolean | undefined;
};

/**
 * `rightsize calibrate`: labels of the user's own traffic in, a model file out that routes.yaml can name, and a table of
 * cross-validated figures before and after. Refuses, and writes nothing, where the labels are too few or would do harm.
 * @returns the exit code.
 */
export const calibrateCommand = async (
  options: CalibrateOptions,
  { stdout, stderr }: CommandStreams,
): Promise<number> => {
  try {
    const base = await loadWeights(options.model);
    const [file] = await readLabelledFiles([options.labels]);
    // Folds by prompt: those in the file may be someone's split for another purpose.
    const samples = toSamples(file!.rows.map((row) => ({ ...row, fold: null })));
    const skipped = file!.rows.length - samples.length;
    if (skipped > 0) stderr.write(`${skipped} rows skipped for lack of a weak or a strong score\n`);
    const { model, before, after, changed } = calibrate(base, samples, file!.sha256);
    await write(options.out, `${JSON.stringify(model, null, 1)}\n`);
    const { version } = model;
    stdout.write(
      options.json
        ? `${JSON.stringify({ modelVersion: version, base: base.version, changed, before, after })}\n`
        : toMarkdown([before, after]),
    );
    stderr.write(
      `${version} written to ${options.out}: ${samples.length} labels changed its ${changed}; figures are cross-validated\n`,
    );
    return 0;
  } catch (error) {
    return reportFailure('calibrate', error, stderr);
  }
};

const write = async (path: string, text: string): Promise<void> => {
  try {
    await writeFile(path, text);
  } catch (error) {
    throw new UsageError(`${path} cannot be written: ${(error as Error).message}`);
  }
};
