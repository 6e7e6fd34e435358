import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import type { RequestListener, Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';

// An import would read every export of the module, and `http.WebSocket` brings all of Node's fetch: 14 MB and 50 ms.
const { createServer } = process.getBuiltinModule('node:http');

/** Where the model host can be reached: a Unix socket, or a TCP address. */
export type ListenAddress = { socketPath: string } | { host: string; port: number };

/** Longer than clients keep an idle connection, so that they and not we close it and no request falls in between. */
const KEEP_ALIVE_MS = 75_000;

/**
 * Starts the HTTP server. A socket file that a dead process left is removed; a new one is for its owner only.
 * @throws Error when something else listens there already.
 */
export const listen = async (handler: RequestListener, address: ListenAddress): Promise<Server> => {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, handler);
  if ('socketPath' in address) await prepareSocket(address.socketPath);
  const listening = once(server, 'listening');
  if ('socketPath' in address) {
    const umask = process.umask(0o177);
    server.listen({ path: address.socketPath });
    process.umask(umask);
    process.once('exit', () => rmSync(address.socketPath, { force: true }));
  } else {
    server.listen(address);
  }
  await listening;
  return server;
};

const prepareSocket = async (path: string): Promise<void> => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (await isAnswered(path)) throw new Error(`Another model host listens on ${path} already.`);
  rmSync(path, { force: true });
};

const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
