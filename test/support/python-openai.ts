import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The newest `openai` for Python that this suite was tried with, in an environment kept between runs. */
const OPENAI_PYTHON = 'openai==3.3.1';

/** The path of a Python that has `openai`; installed from the package index at the first call. */
export const pythonWithOpenai = async (): Promise<string> => {
  const home = join(import.meta.dirname, '../../node_modules/.cache/python-openai');
  const python = join(home, 'bin/python');
  const isThere = await run(python, ['-c', 'import openai']).then(
    () => true,
    () => false,
  );
  if (isThere) return python;
  rmSync(home, { recursive: true, force: true });
  await run('python3', ['-m', 'venv', home]).catch(async () => {
    // Debian ships python3 without venv; as root we can add it, else the message says what to install.
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'python3', 'python3-venv']);
    await run('python3', ['-m', 'venv', home]);
  });
  await run(python, ['-m', 'pip', 'install', '--quiet', OPENAI_PYTHON]);
  return python;
};
