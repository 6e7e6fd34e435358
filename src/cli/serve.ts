import { readSettings, type ServeFlags } from '../settings.ts';
import type { CliContext } from './context.ts';

/** `rightsize serve`: runs the gateway, in one process or in several, until it is told to stop. @returns the exit code. */
export const serveCommand = async (flags: ServeFlags, context: CliContext): Promise<number> => {
  const settings = readSettings(flags, context.environment);
  const { worker } = context;
  // Imported when it is known what this process is: the one that runs workers needs no gateway.
  if (settings.workers === 1) return (await import('./serve-gateway.ts')).serveGateway(settings, context);
  if (worker === undefined) return (await import('./serve-workers.ts')).serveWorkers(settings, context);
  return (await import('./serve-worker.ts')).serveWorker(settings, worker, context);
};
