import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { PromptRowSchema, toConversation } from '../difficulty/labelled-row.ts';
import { loadClassifier } from '../difficulty/load-classifier.ts';
import { readRows } from '../difficulty/read-rows.ts';
import { UsageError } from '../lib/usage-error.ts';
import { type CommandStreams, reportFailure } from './command-failure.ts';

export type ScoreOptions = { input: string; model?: string | undefined };

/**
 * `rightsize score`: JSONL rows `{id, prompt | messages}` from a file or stdin (`-`), JSONL `{id, difficulty}` out, in
 * the same order. One row is held at a time: a slow reader slows the reading down. Stops at the first bad row.
 * @returns the exit code.
 */
export const scoreCommand = async (options: ScoreOptions, streams: CommandStreams): Promise<number> => {
  let file: FileHandle | undefined;
  try {
    const classifier = await loadClassifier(options.model);
    if (options.input !== '-') file = await openInput(options.input);
    const chunks = file?.createReadStream() ?? streams.stdin;
    for await (const row of readRows(chunks, PromptRowSchema, file ? options.input : 'standard input')) {
      const { difficulty } = classifier.classify(toConversation(row));
      const isRoomLeft = streams.stdout.write(`${JSON.stringify({ id: row.id, difficulty })}\n`);
      if (!isRoomLeft) await once(streams.stdout, 'drain');
    }
    return 0;
  } catch (error) {
    // The reader has seen enough, as in `rightsize score … | head`.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 0;
    return reportFailure('score', error, streams.stderr);
  } finally {
    await file?.close();
  }
};

const openInput = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path);
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
};
