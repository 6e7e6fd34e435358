import { createForks } from '../cluster/fork-worker.ts';
import { Primary } from '../cluster/primary.ts';
import { UsageError } from '../lib/usage-error.ts';
import type { Settings } from '../settings.ts';
import type { CliContext } from './context.ts';
import { DRAIN_MS, STOPPING } from './stopping.ts';

/** Beyond what a worker gives its requests: to close its stores and its local models. */
const STOP_LIMIT_MS = DRAIN_MS + 15_000;
const HOUR_MS = 3_600_000;

/**
 * Runs several workers until told to stop: the first signal drains all, the second stops at once, SIGHUP reloads all.
 * @returns the exit code.
 * @throws UsageError without a Redis: each would count limits and budgets for itself, and allow them as often as there are workers.
 */
export const serveWorkers = async ({ workers, redis }: Settings, context: CliContext): Promise<number> => {
  const { clock, stderr, onSignal } = context;
  if (redis === null) {
    throw new UsageError(
      `${workers} workers need REDIS_URL: without it each would count limits and budgets for itself`,
    );
  }
  const primary = new Primary({
    workers,
    fork: createForks(),
    clock,
    say: (line) => void stderr.write(`${line}\n`),
    stopLimitMs: STOP_LIMIT_MS,
  });
  let isStopping = false;
  const stop = () => {
    if (!isStopping) stderr.write(STOPPING);
    isStopping = true;
    primary.stop();
  };
  const ends = [onSignal('SIGINT', stop), onSignal('SIGTERM', stop), onSignal('SIGHUP', () => primary.reload())];
  // The clock's timers keep no process alive, and while a worker is waited for that may be all there is.
  const alive = setInterval(() => {}, HOUR_MS);
  const code = await primary.run();
  clearInterval(alive);
  for (const end of ends) end();
  return code;
};
