import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { CliContext } from '../../src/cli/context.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';

/** Runs a command in this process, with an environment of its own; what it printed comes back. */
export const runCommand = async (
  command: (context: CliContext) => Promise<number>,
  environment: Record<string, string> = {},
  clock: Clock = systemClock,
) => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const context = { environment, stdin: new PassThrough(), stdout, stderr, clock, onSignal: () => () => {} };
  const code = await command(context).finally(() => [stdout, stderr].map((stream) => stream.end()));
  return { code, stdout: await text(stdout), stderr: await text(stderr) };
};
