import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { hostEnvironment } from './environment.ts';
import type { HostStatus } from './host-status.ts';
import { defaultThreads } from './threads.ts';

export type SpawnOptions = {
  name: string;
  model: string;
  contextTokens: number;
  parallel: number;
  gpu: string;
  threads?: number;
  modelsDir: string;
  engineDir: string;
  socketPath: string;
  nodePath?: string;
  mainPath?: string;
  /** Of which the host sees a part, see `hostEnvironment`. */
  environment: NodeJS.ProcessEnv;
};

export type HostEvents = {
  onStatus: (status: HostStatus) => void;
  onLine: (line: string) => void;
  /** Called once, in words: `the model host was killed by SIGKILL`. */
  onExit: (how: string) => void;
};

/** What such an end mostly means, for people who have never met it. */
const SIGNAL_WORDS: Partial<Record<NodeJS.Signals, string>> = {
  SIGSEGV: ': the engine crashed in native code (a segmentation fault; a damaged model file or a driver can cause it)',
  SIGBUS: ': the engine crashed in native code (a bus error; a model file that shrank or a full disk can cause it)',
  SIGILL: ': the engine used an instruction that this processor does not have',
  SIGABRT: ': the engine gave up in native code (a failed assertion or no memory left)',
  SIGKILL: ' (by the system when memory ran out, or by somebody)',
};

/** TypeScript in a clone, JavaScript in a package: the program has the ending that this file has. */
const MAIN_PATH = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url));

/**
 * A step leaves little behind that lives on. V8 would let its young generation grow to three times 16 MB before it looks,
 * beside a model whose memory is counted to the megabyte.
 */
const NODE_FLAGS = ['--max-semi-space-size=4'];

/** Starts one model host, whose log lines and status messages go to `events`. */
export const spawnHost = (options: SpawnOptions, events: HostEvents): ChildProcess => {
  const program = [...NODE_FLAGS, options.mainPath ?? MAIN_PATH];
  const child = spawn(options.nodePath ?? process.execPath, [...program, ...toFlags(options)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...hostEnvironment(options.environment), ...toEngineEnvironment(options) },
  });
  child.on('message', (message) => events.onStatus(message as HostStatus));
  createInterface({ input: child.stderr! }).on('line', events.onLine);
  let hasEnded = false;
  const end = (how: string) => {
    if (!hasEnded) events.onExit(how);
    hasEnded = true;
  };
  child.once('error', (error) => end(`the model host could not be started: ${error.message}`));
  child.once('exit', (code, signal) =>
    end(
      signal
        ? `the model host was killed by ${signal}${SIGNAL_WORDS[signal] ?? ''}`
        : `the model host exited with code ${code}`,
    ),
  );
  return child;
};

/**
 * What makes the process lighter. glibc would keep freed memory apart for each of a dozen threads. Node keeps the compiled
 * form of the engine's and our modules between starts, checked against their sources; a third of a start is compiling them.
 * Where the engine computes with one thread, one thread does all of its work: what is chosen after a step then follows it
 * without a detour, with all that the processor still holds of it. More would share the choosing for many answers at once.
 */
const toEngineEnvironment = ({ engineDir, environment, threads }: SpawnOptions): NodeJS.ProcessEnv => ({
  MALLOC_ARENA_MAX: environment['MALLOC_ARENA_MAX'] ?? '2',
  NODE_COMPILE_CACHE: environment['NODE_COMPILE_CACHE'] ?? `${resolve(engineDir)}-cache`,
  ...((threads ?? defaultThreads()) === 1 && { UV_THREADPOOL_SIZE: '1' }),
});

const toFlags = (options: SpawnOptions): string[] => [
  ...['--name', options.name, '--model', options.model, '--socket', options.socketPath, '--gpu', options.gpu],
  ...['--context-tokens', String(options.contextTokens), '--parallel', String(options.parallel)],
  ...['--models-dir', options.modelsDir, '--engine-dir', options.engineDir],
  ...(options.threads === undefined ? [] : ['--threads', String(options.threads)]),
];
