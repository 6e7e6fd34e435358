import type { Writable } from 'node:stream';
import { UsageError } from '../lib/usage-error.ts';

/** What a command of the classifier reads and writes: data on stdout, everything else on stderr. */
export type CommandStreams = { stdin: NodeJS.ReadableStream; stdout: Writable; stderr: Writable };

/** Says in one line what went wrong; @returns the exit code, 2 for a wrong command line, else 1. */
export const reportFailure = (command: string, error: unknown, stderr: Writable): number => {
  stderr.write(`rightsize ${command}: ${error instanceof Error ? error.message : String(error)}\n`);
  return error instanceof UsageError ? 2 : 1;
};
