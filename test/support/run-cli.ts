import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

const PROGRAM = join(import.meta.dirname, '../../bin/rightsize.js');

export const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'rightsize-test-'));

/** A real `rightsize` process; what it printed so far is in `stdout` and `stderr`. */
export class CliProcess {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  /** Resolves with the exit code, or the signal's name, once the process is gone. */
  readonly exited: Promise<number | string | null>;

  constructor(args: string[], environment: Record<string, string> = {}) {
    const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env;
    this.child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { PATH, HOME, NODE_COMPILE_CACHE, NO_COLOR: '1', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exited = new Promise((resolve) => this.child.once('close', (code, signal) => resolve(code ?? signal)));
  }

  /** Waits for the line that says where it listens. */
  async url(limitMs = 30_000): Promise<string> {
    const find = () => /listens on (http:\/\/\S+)\/v1/.exec(this.stderr)?.[1];
    let isGone = false;
    void this.exited.then(() => {
      isGone = true;
    });
    const url = await until(
      () => find() ?? (isGone ? 'gone' : undefined),
      limitMs,
      'the line that says where it listens',
    );
    if (url === 'gone') throw new Error(`the process ended: ${this.stderr}`);
    return url;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** Runs a command to its end. */
export const runCli = async (args: string[], environment: Record<string, string> = {}) => {
  const process = new CliProcess(args, environment);
  const code = await process.exited;
  return { code, stdout: process.stdout, stderr: process.stderr };
};
