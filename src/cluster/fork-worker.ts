import type { ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { FromWorkerSchema } from './messages.ts';
import type { ForkedWorker, PrimaryOptions } from './primary.ts';
import { workerNameText } from './worker-link.ts';

/**
 * Starts workers as children of this process that run the same command line, with `RIGHTSIZE_WORKER` in their environment
 * (see `parseWorkerName`). They listen on one socket, which this process holds: it hands each connection to the next of
 * them (https://nodejs.org/api/cluster.html).
 */
export const createForks = (): PrimaryOptions['fork'] => {
  // Read at the first fork. Elsewhere than on Windows it is the default, unless an environment variable says otherwise.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  // The other form has no NaN, which is a figure as well.
  cluster.setupPrimary({ serialization: 'advanced' });
  return (name): ForkedWorker => {
    const worker = cluster.fork({ RIGHTSIZE_WORKER: workerNameText(name) });
    // A message that cannot be delivered is that of a process that is ending.
    worker.on('error', () => {});
    const closeLastHandle = keepLastHandle(worker.process);
    return {
      send: (message) => {
        if (worker.isConnected()) worker.process.send(message, undefined, undefined, () => {});
      },
      follow({ onMessage, onExit }) {
        let hasEnded = false;
        worker.on('message', (raw: unknown) => {
          const message = FromWorkerSchema.safeParse(raw);
          if (message.success && !hasEnded) onMessage(message.data);
        });
        worker.once('exit', (code, signal) => {
          hasEnded = true;
          closeLastHandle();
          onExit(signal ? null : code, signal || null);
        });
      },
      kill: () => worker.process.kill('SIGKILL'),
    };
  };
};

/**
 * A connection that was handed to a worker which ended before it had taken it stays open in this process for ever, and its
 * client would wait (lib/internal/cluster/round_robin_handle.js: it is closed with the worker's answer alone). There is never
 * more than one, since the next is handed on after that answer.
 * @returns closes it.
 */
const keepLastHandle = (child: ChildProcess): (() => void) => {
  const send = child.send.bind(child) as (...args: unknown[]) => boolean;
  let last: { close?(): void } | undefined;
  child.send = ((message: unknown, handle: typeof last, ...rest: unknown[]) => {
    if (handle) last = handle;
    return send(message, handle, ...rest);
  }) as ChildProcess['send'];
  // Closing one that is closed does nothing.
  return () => last?.close?.();
};
