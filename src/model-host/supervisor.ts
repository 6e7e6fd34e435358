import type { ChildProcess } from 'node:child_process';
import type { Logger } from 'pino';
import type { Clock } from '../lib/clock.ts';
import type { GpuChoice } from './engine.ts';
import type { HostStatus } from './host-status.ts';
import { chooseSocketPath } from './socket-path.ts';
import { type SpawnOptions, spawnHost } from './spawn-host.ts';

export type SuperviseOptions = {
  /** The model's id on the wire. */
  name: string;
  /** See `parseModelSpec`. */
  model: string;
  contextTokens: number;
  parallel: number;
  gpu: GpuChoice;
  /** The engine's own default when absent. */
  threads?: number;
  modelsDir: string;
  engineDir: string;
  /** The gateway's own; the child is given what it needs of it. */
  environment: NodeJS.ProcessEnv;
  socketDir: string;
  /** What tells its socket from those of other hosts in that folder; its name by default. */
  socketName?: string;
  clock: Clock;
  logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** The Node that runs the host, and its program; both found by themselves. */
  nodePath?: string;
  mainPath?: string;
};

export type ModelHostState = 'starting' | 'downloading' | 'loading' | 'ready' | 'restarting' | 'failed' | 'stopped';

/** `detail` is one sentence for people; `restarts` counts the starts after the first; `memoryBytes` is there with `ready`. */
export type ModelHostStatus = {
  state: ModelHostState;
  detail: string;
  pid?: number;
  restarts: number;
  memoryBytes?: number;
};

export type ModelHost = {
  readonly socketPath: string;
  status(): ModelHostStatus;
  /** Told each change; the returned function ends that. */
  onStatus(listener: (status: ModelHostStatus) => void): () => void;
  /** Ends the process, kindly and then not, and resolves when it is gone. */
  close(): Promise<void>;
};

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 30_000;
const HEALTHY_MS = 60_000;
const MAX_FAILURES = 6;
const RECHECK_MS = 30_000;
/** Without a sign of progress; a download has limits of its own. */
const START_LIMIT_MS = 120_000;
const TERMINATE_LIMIT_MS = 5_000;

/**
 * Starts the model host as a child process and keeps it running: back at once after a crash, then ever later. It gives
 * up after six failures in a row, and where starting again cannot help it waits, looking again every half minute
 * whether what was wrong has been put right. Returns immediately and never throws; all that happens is in `status()`.
 */
export const superviseModelHost = (options: SuperviseOptions): ModelHost => {
  const supervisor = new Supervisor(options);
  supervisor.start();
  return supervisor;
};

class Supervisor implements ModelHost {
  readonly socketPath: string;
  readonly #options: SuperviseOptions;
  readonly #listeners = new Set<(status: ModelHostStatus) => void>();
  #status: ModelHostStatus = { state: 'starting', detail: 'the model host is starting', restarts: 0 };
  #child: ChildProcess | undefined;
  #failures = 0;
  /** Why the host gave up or was ended by us, when that is known before it exits. */
  #verdict: HostStatus | undefined;
  #cancelTimer = () => {};

  constructor(options: SuperviseOptions) {
    this.#options = options;
    this.socketPath = chooseSocketPath(options.socketDir, options.socketName ?? options.name);
  }

  status(): ModelHostStatus {
    return this.#status;
  }

  onStatus(listener: (status: ModelHostStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    this.#verdict = undefined;
    const spawnOptions: SpawnOptions = { ...this.#options, socketPath: this.socketPath };
    this.#child = spawnHost(spawnOptions, {
      onStatus: (status) => this.#follow(status),
      onLine: (line) => this.#options.logger.info({ modelHost: this.#options.name }, line),
      onExit: (how) => this.#exited(how),
    });
    this.#limitStart();
  }

  async close(): Promise<void> {
    this.#cancelTimer();
    const child = this.#child;
    this.#change('stopped', 'the model host was stopped');
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const cancel = this.#options.clock.after(TERMINATE_LIMIT_MS, () => child.kill('SIGKILL'));
    await exited;
    cancel();
  }

  #follow(status: HostStatus): void {
    if (this.#status.state === 'stopped') return;
    if (status.state === 'failed') {
      this.#verdict = status;
      return;
    }
    if (status.state === 'downloading') this.#cancelTimer();
    else if (status.state === 'loading') this.#limitStart();
    else {
      this.#cancelTimer();
      this.#cancelTimer = this.#options.clock.after(HEALTHY_MS, () => {
        this.#failures = 0;
      });
    }
    if (this.#status.state === 'failed' && status.state === 'loading') return;
    this.#change(status.state, status.detail, status.memoryBytes);
  }

  #limitStart(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(START_LIMIT_MS, () => {
      const detail = `the model host made no progress in loading its model for ${START_LIMIT_MS / 1000} s and was ended`;
      this.#verdict = { state: 'failed', detail };
      this.#child?.kill('SIGKILL');
    });
  }

  #exited(how: string): void {
    this.#cancelTimer();
    this.#child = undefined;
    if (this.#status.state === 'stopped') return;
    const detail = this.#verdict?.detail ?? how;
    if (this.#verdict?.isFinal) {
      if (this.#status.detail !== detail) this.#options.logger.error({ modelHost: this.#options.name }, detail);
      this.#change('failed', detail);
      this.#startAfter(RECHECK_MS);
      return;
    }
    this.#failures++;
    if (this.#failures >= MAX_FAILURES) {
      const advice = `${detail}; it failed ${MAX_FAILURES} times in a row and is not started again. Try a smaller model, fewer contextTokens or gpu: off, see the log, then restart the gateway.`;
      this.#options.logger.error({ modelHost: this.#options.name }, advice);
      this.#change('failed', advice);
      return;
    }
    this.#options.logger.warn({ modelHost: this.#options.name }, detail);
    this.#change('restarting', detail);
    this.#startAfter(Math.min(FIRST_DELAY_MS * 2 ** (this.#failures - 1), LONGEST_DELAY_MS));
  }

  #startAfter(delayMs: number): void {
    this.#cancelTimer = this.#options.clock.after(delayMs, () => {
      const { state, detail, restarts } = this.#status;
      this.#status = { ...this.#status, restarts: restarts + 1 };
      this.start();
      // What is only looked at again counts as failed until it is seen to work.
      if (state !== 'failed') this.#change('starting', `starting again: ${detail}`);
    });
  }

  #change(state: ModelHostState, detail: string, memoryBytes?: number): void {
    const pid = state === 'stopped' ? undefined : this.#child?.pid;
    this.#status = {
      ...{ state, detail, restarts: this.#status.restarts },
      ...(pid !== undefined && { pid }),
      ...(memoryBytes !== undefined && { memoryBytes }),
    };
    for (const listener of [...this.#listeners]) listener(this.#status);
  }
}
