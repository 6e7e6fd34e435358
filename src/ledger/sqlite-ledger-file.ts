import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { migrate, requireCurrentSchema } from './migrations/migrate.ts';

/** The ledger's file in a data directory; SQLite keeps `-wal` and `-shm` beside it. */
export const ledgerFile = (directory: string): string => join(directory, 'ledger.sqlite');

/**
 * Pages of 4 KiB after which a commit moves the WAL into the file itself, with a sync that the event loop waits for. `startCheckpoints`
 * does it long before; without it (a command, a thread that failed) this bounds the WAL.
 */
const WAL_PAGES = 20_000;

/**
 * Opens the ledger to write, making the directory (0700) and the file (0600) where they are missing, and brings its
 * schema up to date. In WAL mode readers and one writer do not wait for each other; a writer waits `busyTimeoutMs` for
 * another process's. With synchronous=NORMAL a commit survives the end of the process, and not always a power cut.
 * @throws Error that names the file and what to do: not writable, disk full, damaged, from a newer version.
 */
export const openToWrite = (directory: string, busyTimeoutMs: number): DatabaseSync =>
  explained(directory, () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // Made here and not by SQLite, so that other users cannot read it, and a failure has the system's own reason.
    closeSync(openSync(ledgerFile(directory), 'a', 0o600));
    const database = new DatabaseSync(ledgerFile(directory), { timeout: busyTimeoutMs });
    return orClosed(database, () => {
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${WAL_PAGES}`);
      migrate(database);
    });
  });

/**
 * Opens an existing ledger to read, beside a gateway that writes to it or without one.
 * @returns null when there is no ledger yet.
 * @throws Error as `openToWrite`.
 */
export const openToRead = (directory: string, busyTimeoutMs: number): DatabaseSync | null => {
  if (!existsSync(ledgerFile(directory))) return null;
  return explained(directory, () => {
    const database = new DatabaseSync(ledgerFile(directory), { timeout: busyTimeoutMs, readOnly: true });
    return orClosed(database, () => requireCurrentSchema(database));
  });
};

const orClosed = (database: DatabaseSync, prepare: () => void): DatabaseSync => {
  try {
    prepare();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
};

const explained = <Result>(directory: string, open: () => Result): Result => {
  try {
    return open();
  } catch (error) {
    const { message, code, errcode } = error as Error & { code?: string; errcode?: number };
    const advice = ADVICE[errcode === undefined ? (code ?? '') : errcode & 0xff];
    throw new Error(`Cannot open the ledger ${ledgerFile(directory)}: ${message}${advice ? `. ${advice}` : ''}`, {
      cause: error,
    });
  }
};

const CHOOSE = 'Make the data directory writable for this user, or set RIGHTSIZE_DATA_DIR to one that is';
const RESTORE = 'Restore it from a backup, or move it and its -wal and -shm files away to begin a new ledger';
const FREE = 'Free space on its disk, or set RIGHTSIZE_DATA_DIR to another';

/** By the system's error code, or SQLite's primary result code (https://sqlite.org/rescode.html). */
const ADVICE: Record<string | number, string> = {
  EACCES: CHOOSE,
  EPERM: CHOOSE,
  EROFS: CHOOSE,
  ENOTDIR: CHOOSE,
  EEXIST: CHOOSE,
  ENOENT: CHOOSE,
  ENOSPC: FREE,
  EDQUOT: FREE,
  5: 'Another process holds its write lock: end that process, or try again',
  8: CHOOSE,
  11: RESTORE,
  13: FREE,
  14: CHOOSE,
  26: RESTORE,
};
