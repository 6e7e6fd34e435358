import { HOST_USAGE, type HostFlags, parseFlags } from './flags.ts';
import type { HostStatus } from './host-status.ts';
import { ModelHostError } from './model-host-error.ts';
import { runModelHost } from './run-model-host.ts';

/** The model host's process: flags and environment in, a server out; with an IPC channel, the parent's child for life. */
const log = (line: string): void => {
  process.stderr.write(`model-host: ${line}\n`);
};

const report = (status: HostStatus): void => {
  process.send?.(status);
  if (status.progress === undefined) log(`${status.state}: ${status.detail}`);
};

const readFlags = (): HostFlags => {
  // Started as `rightsize model-host …` the command itself is the first argument.
  const args = process.argv.slice(process.argv[2] === 'model-host' ? 3 : 2);
  try {
    return parseFlags(args, process.env);
  } catch (error) {
    process.stderr.write(`model-host: ${(error as Error).message}\n${HOST_USAGE}\n`);
    process.exit(2);
  }
};

const flags = readFlags();
// Without its parent nobody would stop it, or ask it anything.
process.on('disconnect', () => process.exit(0));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));

try {
  await runModelHost(flags, process.env, report, log);
} catch (error) {
  const { message, stack } = error as Error;
  const isFinal = error instanceof ModelHostError;
  log(`failed: ${isFinal ? message : stack}`);
  const failed: HostStatus = { state: 'failed', detail: message, isFinal };
  // Leave only when the message has.
  if (process.send) process.send(failed, undefined, undefined, () => process.exit(1));
  else process.exit(1);
}
