import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '../lib/id.ts';

/**
 * The name of the ledger in a data directory, `ledger_…`, made with the first call: shared counters tell by it which
 * gateway has told them what. Processes that share the directory get the same.
 * @throws Error when the directory cannot be written to.
 */
export const readOrMakeLedgerId = (directory: string, now: number): string => {
  const file = join(directory, 'ledger.id');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const id = newId('ledger', now);
  // Complete before it has its name, so that nobody reads half of it; a name that is taken is left as it is.
  writeFileSync(`${file}.${id}`, id, { mode: 0o600 });
  try {
    linkSync(`${file}.${id}`, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(`${file}.${id}`);
  }
  return readFileSync(file, 'utf8').trim();
};
