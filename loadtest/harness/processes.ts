import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';

/** A server that runs as its own process until it is disposed of. */
export type RunningServer = AsyncDisposable & { url: string; pid: number };

type ServerOptions = {
  name: string;
  /** Arguments of Node: flags, the script, its own arguments. */
  args: string[];
  env?: Record<string, string>;
  /** Finds the URL, as its first group, in what the process prints. */
  announcement: RegExp;
};

const START_LIMIT_MS = 20_000;
/** A gateway drains on the first SIGTERM and stops on the second; what is still there then is killed. */
const SECOND_SIGNAL_MS = 1_000;
const KILL_MS = 5_000;
const KEPT_OUTPUT = 4_000;

/**
 * Starts a Node process and waits until it has printed its URL.
 * @throws Error with what the process printed, when it ends first or says nothing for 20 s.
 */
export const startServer = async ({ name, args, env = {}, announcement }: ServerOptions): Promise<RunningServer> => {
  const child = spawn(process.execPath, args, {
    env: { ...plainEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = () => stopProcess(child);
  try {
    return { url: await untilAnnounced(name, child, announcement), pid: child.pid ?? 0, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** Keys and settings of the user's own gateway must not reach the one under test. */
const plainEnvironment = (): Record<string, string> => {
  const { PATH = '', HOME = '', TMPDIR } = process.env;
  return { PATH, HOME, ...(TMPDIR && { TMPDIR }) };
};

const untilAnnounced = (name: string, child: ChildProcess, announcement: RegExp): Promise<string> =>
  new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => fail(`did not start within ${START_LIMIT_MS / 1000} s`), START_LIMIT_MS);
    const fail = (what: string) => {
      clearTimeout(timer);
      reject(new Error(`${name} ${what}\n${output}`.trimEnd()));
    };
    let isStarted = false;
    const onData = (piece: Buffer) => {
      if (isStarted) {
        // The rest of the banner is of no interest; its log is, which is JSON and by default only warnings and errors.
        if (piece.toString().startsWith('{"level"')) writeSync(2, piece);
        return;
      }
      output = (output + piece.toString()).slice(-KEPT_OUTPUT);
      const url = announcement.exec(output)?.[1];
      if (url === undefined) return;
      isStarted = true;
      clearTimeout(timer);
      resolve(url);
    };
    child.stdout?.on('data', onData);
    child.stderr?.on('data', onData);
    child.once('error', (error) => fail(`cannot be started: ${error.message}`));
    child.once('exit', (code, signal) => fail(`ended with ${signal ?? `code ${code}`} before it listened`));
  });

/** Ends a child process, gently first. Resolves when it is gone. */
export const stopProcess = async (child: ChildProcess): Promise<void> => {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const again = setTimeout(() => child.kill('SIGTERM'), SECOND_SIGNAL_MS);
  const kill = setTimeout(() => child.kill('SIGKILL'), KILL_MS);
  await ended;
  clearTimeout(again);
  clearTimeout(kill);
};

/**
 * Runs a program to its end with the terminal as its own, or until `started` is disposed of.
 * @returns its exit code; 1 when a signal ended it.
 */
export const runToEnd = async (
  command: string,
  args: string[],
  { env, started }: { env: Record<string, string>; started: AsyncDisposableStack },
): Promise<number> => {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'inherit' });
  started.defer(() => stopProcess(child));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
};

/** Runs a program and returns what it prints. @throws Error with its stderr when it fails. */
export const outputOf = async (command: string, args: string[]): Promise<string> => {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (piece: Buffer) => {
    stdout += piece.toString();
  });
  child.stderr.on('data', (piece: Buffer) => {
    stderr += piece.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${command} failed (${code}): ${stderr || stdout}`);
  return stdout;
};

/** SIGINT and SIGTERM stop what was started before they end this process. */
export const stopOnSignal = (started: AsyncDisposableStack): void => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => void started.disposeAsync().finally(() => process.exit(code)));
  }
};
