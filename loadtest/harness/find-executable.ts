import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** The file that a command name stands for on the PATH, or null. */
export const findOnPath = (name: string, path: string = process.env['PATH'] ?? ''): string | null =>
  path
    .split(delimiter)
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name))
    .find(isExecutable) ?? null;

/**
 * k6: the file in `K6_BIN`, else on the PATH, else where `go install` puts it. Null when there is none.
 * @throws Error when `K6_BIN` names a file that cannot be run.
 */
export const findK6 = (environment: NodeJS.ProcessEnv): string | null => {
  const named = environment['K6_BIN'];
  if (named) {
    if (isExecutable(named)) return named;
    throw new Error(`K6_BIN: ${named} is not a program that can be run`);
  }
  const fromGo = join(environment['HOME'] ?? homedir(), 'go/bin/k6');
  return findOnPath('k6', environment['PATH']) ?? (isExecutable(fromGo) ? fromGo : null);
};

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};
