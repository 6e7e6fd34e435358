import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';

export type RetentionOptions = {
  /** Deletes at most `limit` of what is older; @returns how many went. */
  prune(beforeMs: number, limit: number): number;
  /** Where there is Postgres: drops what lies before whole. */
  pruneShared: ((beforeMs: number) => Promise<void>) | null;
  /** Milliseconds, as routes.yaml has it now. */
  retentionMs(): number;
  clock: Clock;
  logger: Pick<Logger, 'warn'>;
};

/** Few at a time, so that no request waits longer than some milliseconds for them. */
const BATCH = 100;
const BETWEEN_BATCHES_MS = 50;
const LOOK_EVERY_MS = 10 * 60_000;

/** Keeps deleting entries that are older than the retention. @returns what ends it. */
export const keepRetention = ({ prune, pruneShared, retentionMs, clock, logger }: RetentionOptions): (() => void) => {
  let cancel = () => {};
  const step = () => {
    const before = clock.now() - retentionMs();
    let gone = 0;
    try {
      gone = prune(before, BATCH);
      if (gone < BATCH) {
        void pruneShared?.(before).catch((error: unknown) =>
          logger.warn({ err: error }, 'old months could not be dropped'),
        );
      }
    } catch (error) {
      logger.warn({ err: error }, 'old ledger entries could not be deleted');
    }
    cancel = clock.after(gone === BATCH ? BETWEEN_BATCHES_MS : LOOK_EVERY_MS, step);
  };
  cancel = clock.after(BETWEEN_BATCHES_MS, step);
  return () => cancel();
};
