import type { Writable } from 'node:stream';
import type { WorkerLink } from '../cluster/worker-link.ts';
import type { Clock } from '../lib/clock.ts';

/** What a command may use of the process, so that commands run in tests as they run in a terminal. */
export type CliContext = {
  environment: Readonly<Record<string, string | undefined>>;
  stdin: NodeJS.ReadableStream;
  /** Data only. */
  stdout: Writable;
  /** Progress, warnings, errors. */
  stderr: Writable;
  clock: Clock;
  /** Where this process is one of several workers. */
  worker?: WorkerLink;
  /** Calls back on each such signal; the returned function ends that. */
  onSignal(name: 'SIGINT' | 'SIGTERM' | 'SIGHUP', callback: () => void): () => void;
};
