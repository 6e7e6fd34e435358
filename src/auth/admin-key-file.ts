import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the admin key is kept when none is configured. */
export const adminKeyFile = (dataDir: string): string => join(dataDir, 'admin-key');

/**
 * The admin key of a data directory, made there (0600) at the first start. Of several processes that start at once one
 * makes it, whole before it has its name, and the others read it.
 * @throws Error in words when the file cannot be made or read, or is empty.
 */
export const readOrMakeAdminKey = (dataDir: string): string => {
  const file = adminKeyFile(dataDir);
  try {
    return readKey(file) ?? makeKey(dataDir, file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(
      `the admin key ${file} cannot be read or made (${code ?? message}); set RIGHTSIZE_ADMIN_KEY, or repair the file`,
    );
  }
};

/** The admin key that a gateway has made in its data directory; null where there is none. @throws Error, unreadable. */
export const readAdminKey = (dataDir: string): string | null => readKey(adminKeyFile(dataDir));

const readKey = (file: string): string | null => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  if (text === '') throw new Error('it is empty');
  return text;
};

const makeKey = (dataDir: string, file: string): string => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `rsa-${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
  return readKey(file) as string;
};
