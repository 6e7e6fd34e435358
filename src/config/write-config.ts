import { randomBytes } from 'node:crypto';
import { chown, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';

/**
 * Replaces a file's text: written whole beside it, with its mode and owner, and moved to its place. Where nothing can be
 * moved there (a file mounted by itself, a directory that may not be written) it is written in place.
 * @throws the system's error.
 */
export const writeConfig = async (path: string, text: string): Promise<void> => {
  // What a link points at is replaced, not the link.
  const file = await realpath(path);
  const { mode, uid, gid } = await stat(file);
  const draft = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(draft, 'wx', mode & 0o777);
    try {
      await handle.writeFile(text);
      // The process's umask may have taken rights away that the file had.
      await handle.chmod(mode & 0o777);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chown(draft, uid, gid).catch(() => {});
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    if (!IN_PLACE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await writeFile(file, text);
  }
};

const IN_PLACE = new Set(['EACCES', 'EPERM', 'EBUSY', 'EXDEV', 'EROFS']);
