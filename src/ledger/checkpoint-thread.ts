import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { workerData } from 'node:worker_threads';
import { ledgerFile } from './sqlite-ledger-file.ts';

/** The thread of `startCheckpoints`. */
const EVERY_MS = 250;
/** A smaller WAL is left alone: 1,000 pages, SQLite's own measure. */
const WAL_BYTES = 4_096_000;
const ATTEMPTS = 4;

const file = ledgerFile((workerData as { directory: string }).directory);
const database = new DatabaseSync(file);
const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');

/**
 * Only passive ones, which no commit waits for: a commit that found the ledger locked would sleep for longer than the lock is held.
 * The WAL begins anew with the first commit that finds all of it moved, so what was added meanwhile is moved as well, at once
 * (https://sqlite.org/c3ref/wal_checkpoint_v2.html).
 */
setInterval(() => {
  if ((statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) < WAL_BYTES) return;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { log, checkpointed } = checkpoint.get() as { log: number; checkpointed: number };
    if (log === checkpointed) return;
  }
}, EVERY_MS);
