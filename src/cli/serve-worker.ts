import type { WorkerLink } from '../cluster/worker-link.ts';
import { startGateway } from '../gateway.ts';
import type { Settings } from '../settings.ts';
import type { CliContext } from './context.ts';
import { printBanner, tellWhenReady, untilStopped } from './serve-gateway.ts';

/** Runs the gateway in one of several workers until it is told to stop. Worker 1 speaks for all. @returns the exit code. */
export const serveWorker = async (settings: Settings, worker: WorkerLink, context: CliContext): Promise<number> => {
  const gateway = await startGateway(settings, context);
  if (worker.isFirst && worker.name.start === 1) printBanner(gateway, context);
  worker.ready();
  const stopTelling = worker.isFirst ? tellWhenReady(gateway, context) : () => {};
  const code = await untilStopped(gateway, { onSignal: signalsOf(worker, context), stderr: { write: () => {} } });
  stopTelling();
  return code;
};

/**
 * What the process that runs the workers says, as signals. Those of the system reach it as well, where somebody presses
 * Ctrl-C or a service manager ends all processes: here SIGTERM drains once, and the others do nothing.
 */
const signalsOf =
  (worker: WorkerLink, { onSignal }: CliContext): CliContext['onSignal'] =>
  (name, callback) => {
    if (name === 'SIGHUP') worker.onReload(callback);
    if (name !== 'SIGTERM') return onSignal(name, () => {});
    let isStopping = false;
    const stop = () => {
      if (isStopping) return;
      isStopping = true;
      callback();
    };
    worker.onStop((how) => {
      stop();
      if (how === 'stop-now') callback();
    });
    return onSignal(name, stop);
  };
