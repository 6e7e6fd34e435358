import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { ModelHostError } from './model-host-error.ts';

export type NpmOptions = {
  cwd: string;
  environment: NodeJS.ProcessEnv;
  onLine: (line: string) => void;
  timeoutMs: number;
};

/** One more try after a second: a registry that is there answers then, and one that is not should be known soon. */
const RETRY_FLAGS = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=1000'];
const NETWORK_ERRORS = /ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ECONNRESET|ENETUNREACH|EHOSTUNREACH|EIDLETIMEOUT/;

/**
 * Runs npm until it ends; it dies with this process.
 * @throws ModelHostError in words, with what to do, when there is no npm, it fails, or it takes too long.
 */
export const runNpm = (args: string[], { cwd, environment, onLine, timeoutMs }: NpmOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    const [command, ...before] = findNpm();
    const npm = spawn(command!, [...before, ...args, ...RETRY_FLAGS], {
      cwd,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
    });
    const endWithUs = () => npm.kill();
    process.once('exit', endWithUs);
    const lines: string[] = [];
    for (const output of [npm.stdout, npm.stderr]) {
      createInterface({ input: output }).on('line', (line) => {
        lines.push(line);
        onLine(line);
      });
    }
    const fail = (reason: string) =>
      reject(new ModelHostError(`The engine for local models could not be installed: ${reason}`));
    npm.once('error', () => fail('npm was not found. Install Node with npm.'));
    npm.once('close', (code, signal) => {
      process.off('exit', endWithUs);
      if (code === 0) resolve();
      else if (signal) fail(`npm did not end within ${timeoutMs / 1000} s. Check the network.`);
      else if (NETWORK_ERRORS.test(lines.join('\n'))) {
        fail("the package registry cannot be reached. Check the network or npm's proxy settings.");
      } else fail(`${lines.filter((line) => line.startsWith('npm error')).join(' ') || `npm exited with ${code}`}.`);
    });
  });

/** The npm that came with this Node; one on the path where Node came without. */
const findNpm = (): string[] => {
  const folder = dirname(process.execPath);
  const bundled = ['../lib/node_modules/npm/bin/npm-cli.js', 'node_modules/npm/bin/npm-cli.js']
    .map((path) => join(folder, path))
    .find((path) => existsSync(path));
  return bundled ? [process.execPath, bundled] : ['npm'];
};
