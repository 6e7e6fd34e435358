import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Recordings } from './ledger/recording.ts';
import { RECORDING_TABLES, SqlRecordings } from './ledger/sql-recordings.ts';
import type { Clock } from './lib/clock.ts';
import type { Logger } from './lib/logger.ts';
import { SqliteDatabase } from './lib/sqlite-database.ts';

const fileIn = (directory: string): string => join(directory, 'recordings.sqlite');

/** Whether anything was ever recorded there. */
export const hasRecordings = (directory: string): boolean => existsSync(fileIn(directory));

/** @throws Error that names the file: not writable, damaged, from a newer version. */
export const openRecordingsFile = (directory: string): SqlRecordings =>
  new SqlRecordings(new SqliteDatabase({ file: fileIn(directory), steps: RECORDING_TABLES, isSynced: false }));

const LOOK_EVERY_MS = 10 * 60_000;
const BETWEEN_STEPS_MS = 50;

/**
 * The recordings of a data directory. The file is made with the first of them: most gateways never record. What is over
 * its time is deleted, some at a time, now and every ten minutes.
 */
export const openRecordings = ({
  directory,
  clock,
  logger,
}: {
  directory: string;
  clock: Clock;
  logger: Pick<Logger, 'warn'>;
}): Recordings => {
  let store: SqlRecordings | null = null;
  let cancel = () => {};
  let isClosed = false;
  const open = (): SqlRecordings => {
    store ??= openRecordingsFile(directory);
    return store;
  };
  const look = async (): Promise<void> => {
    let hasMore = false;
    try {
      if (store !== null || hasRecordings(directory)) hasMore = await open().sweep(clock.now());
    } catch (error) {
      logger.warn({ err: error }, 'old recordings could not be deleted');
    }
    if (!isClosed) cancel = clock.after(hasMore ? BETWEEN_STEPS_MS : LOOK_EVERY_MS, look);
  };
  cancel = clock.after(BETWEEN_STEPS_MS, look);
  return {
    keep: async (recording) => open().keep(recording),
    async close() {
      isClosed = true;
      cancel();
      await store?.close();
    },
  };
};
