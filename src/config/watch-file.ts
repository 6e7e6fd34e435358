import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../lib/clock.ts';

const SETTLE_MS = 100;
const POLL_MS = 2_000;

/**
 * Calls `onChange` after a file was written, replaced, removed or came back, once it has rested for 100 ms.
 * Watches the directory, since editors replace files by rename, and looks every two seconds besides: mounted volumes
 * send no events. Only the file's own state counts, through links, so a busy directory costs a `stat` and no more.
 * Calls once after its start too: the file may have changed since the caller read it.
 * Never keeps the process alive. The returned function ends it.
 */
export const watchFile = (file: string, clock: Clock, onChange: () => void): (() => void) => {
  let isClosed = false;
  let known: string | undefined;
  let looking = Promise.resolve();
  let isQueued = false;
  let cancelSettle = () => {};

  const look = () => {
    if (isQueued) return;
    isQueued = true;
    looking = looking.then(async () => {
      isQueued = false;
      const state = await stateOf(file);
      if (isClosed || state === known) return;
      known = state;
      cancelSettle();
      cancelSettle = clock.after(SETTLE_MS, () => void settle(state));
    });
  };
  const settle = async (state: string) => {
    const now = await stateOf(file);
    if (isClosed || state !== known) return;
    if (now === state) onChange();
    else look();
  };
  let cancelPoll = () => {};
  const poll = () => {
    look();
    cancelPoll = clock.after(POLL_MS, poll);
  };
  const closeWatcher = watchDirectory(dirname(file), look);
  poll();

  return () => {
    isClosed = true;
    closeWatcher();
    cancelPoll();
    cancelSettle();
  };
};

/** Where the system cannot watch (no such directory, no more watches), the poll alone remains. */
const watchDirectory = (directory: string, onEvent: () => void): (() => void) => {
  try {
    const watcher = watch(directory, { persistent: false }, onEvent);
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => {};
  }
};

/** Differs whenever the file behind the name does: another inode, size or time of change. */
const stateOf = async (file: string): Promise<string> => {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
};
