import { Worker } from 'node:worker_threads';
import type { Logger } from '../lib/logger.ts';

/**
 * Moves the WAL of a ledger into its file on a thread of its own: the event loop of requests does not wait for the disk. Where the
 * thread cannot go on, that is logged, and commits do it themselves after `WAL_PAGES`.
 * @param directory the data directory, whose ledger is there. @returns what ends it.
 */
export const startCheckpoints = (directory: string, logger: Pick<Logger, 'warn'>): (() => Promise<void>) => {
  const worker = new Worker(import.meta.filename.replace('checkpoint-worker', 'checkpoint-thread'), {
    workerData: { directory },
    resourceLimits: { maxOldGenerationSizeMb: 32 },
  });
  worker.unref();
  worker.on('error', (error) => logger.warn({ err: error }, 'the thread of checkpoints failed'));
  return async () => void (await worker.terminate());
};
