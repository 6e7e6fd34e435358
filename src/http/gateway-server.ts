import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { TunnelReply, TunnelRequest } from '../endpoints/realtime.ts';
import type { Clock } from '../lib/clock.ts';
import type { CrossOriginOptions } from './cross-origin.ts';
import { passFrontDoor } from './front-door.ts';
import { answerMalformed } from './malformed-request.ts';
import { createTunnels } from './upgrade.ts';

export type GatewayServerOptions = {
  /** Answers what has passed the front door. */
  fetch: Parameters<typeof getRequestListener>[0];
  openTunnel(request: TunnelRequest): Promise<TunnelReply>;
  frontDoor: CrossOriginOptions & { clock: Clock };
};

export type GatewayServer = {
  /** Does not listen yet. */
  server: Server;
  /** Stops accepting, and lets what runs end for at most `drainMs`; then everything is cut off. */
  stop(drainMs: number): Promise<void>;
};

const SERVER_OPTIONS = { noDelay: true, keepAliveTimeout: 65_000, maxHeaderSize: 64 * 1024 };
const TIDY_EVERY_MS = 50;

/** Node's server with all that comes to it: requests, tunnels, and what is no HTTP at all. */
export const createGatewayServer = ({ fetch, openTunnel, frontDoor }: GatewayServerOptions): GatewayServer => {
  const { clock } = frontDoor;
  const listener = getRequestListener(fetch);
  const tunnels = createTunnels({ frontDoor, open: openTunnel });
  const server = createServer(SERVER_OPTIONS, (request, response) => {
    if (passFrontDoor(request, response, frontDoor)) void listener(request, response);
  });
  server.on('upgrade', (request, socket, head) => void tunnels.handle(request, socket as Socket, head));
  server.on('clientError', (error, socket) => answerMalformed(error, socket, clock.now()));
  return {
    server,
    async stop(drainMs) {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A kept connection whose last answer has gone out would hold the server open until its client lets go of it.
      let cancelTidying = () => {};
      const tidy = () => {
        server.closeIdleConnections();
        cancelTidying = clock.after(TIDY_EVERY_MS, tidy);
      };
      tidy();
      const cancel = clock.after(drainMs, () => {
        server.closeAllConnections();
        tunnels.close();
      });
      await closed;
      cancel();
      cancelTidying();
    },
  };
};
