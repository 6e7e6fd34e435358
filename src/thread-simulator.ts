import { Worker } from 'node:worker_threads';
import { type ErrorCode, GatewayError } from './contract/errors.ts';
import type { Simulator } from './http/admin/simulate.ts';
import type { Clock } from './lib/clock.ts';
import type { SimulationResult, SimulationTask } from './simulation-thread.ts';

/** What-ifs at the same time, and the longest time for one. */
const MAX_AT_ONCE = 2;
const TIME_LIMIT_MS = 30_000;

/** What-ifs over the ledger of a data directory, each on a thread of its own. */
export const createThreadSimulator = (dataDir: string, clock: Clock): Simulator => {
  let running = 0;
  return (question) => {
    if (running >= MAX_AT_ONCE)
      return Promise.reject(unavailable(`${MAX_AT_ONCE} what-ifs are being worked out already`));
    running++;
    const worker = new Worker(import.meta.filename.replace('thread-simulator', 'simulation-thread'), {
      workerData: { dataDir, question } satisfies SimulationTask,
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    worker.unref();
    return new Promise<never>((resolve, reject) => {
      const cancel = clock.after(TIME_LIMIT_MS, () =>
        fail(`no answer within ${TIME_LIMIT_MS / 1_000} s; ask for a shorter range`),
      );
      const fail = (why: string) => end(() => reject(unavailable(why)));
      const end = (settle: () => void) => {
        cancel();
        settle();
        void worker.terminate();
      };
      worker.once('message', (result: SimulationResult) =>
        end(() => {
          if ('value' in result) resolve(result.value as never);
          else if (result.fault.code === null) reject(unavailable(result.fault.message));
          else reject(new GatewayError(result.fault.code as ErrorCode, result.fault.message));
        }),
      );
      worker.once('error', (error) => fail(error.message));
      worker.once('exit', () => fail('its thread ended'));
    }).finally(() => {
      running--;
    });
  };
};

const unavailable = (why: string): GatewayError =>
  new GatewayError('report_unavailable', `The what-if cannot be given now: ${why}.`, { retryAfterSeconds: 5 });
