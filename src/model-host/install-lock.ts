import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_AGAIN_MS = 250;

/**
 * Runs `work` while no other process on this machine works on the same folder; waits for one that does. The lock is a
 * file with the owner's process id, and one that a dead process left counts for nothing.
 * @param onWait is called again and again while it waits.
 */
export const withInstallLock = async <Result>(
  folder: string,
  onWait: () => void,
  work: () => Promise<Result>,
): Promise<Result> => {
  const path = `${folder}.lock`;
  mkdirSync(dirname(folder), { recursive: true });
  while (!take(path)) {
    onWait();
    await sleep(LOOK_AGAIN_MS);
  }
  const free = () => rmSync(path, { force: true });
  process.once('exit', free);
  try {
    return await work();
  } finally {
    process.off('exit', free);
    free();
  }
};

const take = (path: string): boolean => {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (!isHeld(path)) rmSync(path, { force: true });
    return false;
  }
};

const isHeld = (path: string): boolean => {
  try {
    const owner = Number(readFileSync(path, 'utf8'));
    // Between the making of the file and its content there is a moment in which it is empty: that one counts as held.
    if (owner === 0) return true;
    process.kill(owner, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};
