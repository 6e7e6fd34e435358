import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { GatewayError } from '../contract/errors.ts';
import { keyOfProtocols, type Tunnel, type TunnelReply, type TunnelRequest } from '../endpoints/realtime.ts';
import type { Clock } from '../lib/clock.ts';
import type { CrossOriginOptions } from './cross-origin.ts';
import { writeError } from './errors.ts';
import { clientRequestIdOf, passFrontDoor, requestIdOf } from './front-door.ts';
import { pathBelowV1 } from './path-below-v1.ts';

/** A tunnel in which nobody has said anything for so long is closed. */
const IDLE_MS = 10 * 60_000;

export type Tunnels = {
  /** For the server's `upgrade`. Never rejects. */
  handle(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void>;
  /** Ends all that are open: the server's own closing does not see them. */
  close(): void;
};

/** WebSockets, tunnelled as they are: what happens to every request happens to them, and then bytes pass both ways. */
export const createTunnels = (options: {
  frontDoor: CrossOriginOptions & { clock: Clock };
  open(request: TunnelRequest): Promise<TunnelReply>;
}): Tunnels => {
  const { clock } = options.frontDoor;
  const sockets = new Set<Socket>();
  return {
    async handle(request, socket, head) {
      sockets.add(socket);
      const controller = new AbortController();
      socket.on('error', () => {});
      socket.once('close', () => {
        sockets.delete(socket);
        controller.abort(new GatewayError('client_closed_request', 'The client left.'));
      });
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket);
      response.once('finish', () => socket.end());
      if (!passFrontDoor(request, response, options.frontDoor)) return;
      const key = keyOfProtocols(request.headers['sec-websocket-protocol']);
      const { authorization = key === null ? undefined : `Bearer ${key}` } = request.headers;
      const reply = await options.open({
        id: requestIdOf(response),
        clientRequestId: clientRequestIdOf(response),
        endpoint: '/v1/realtime',
        headers: { ...request.headers, authorization },
        readBody: async () => Buffer.alloc(0),
        signal: controller.signal,
        path: pathBelowV1(request.url ?? ''),
      });
      if (reply.kind === 'failure') {
        writeError(response, reply.error, reply.headers);
        return;
      }
      const id = requestIdOf(response);
      response.detachSocket(socket);
      join(socket, head, reply, id, clock);
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
};

const join = (
  client: Socket,
  head: Buffer,
  { headers, socket: upstream, finish }: Tunnel,
  id: string,
  clock: Clock,
) => {
  const accepted = ['sec-websocket-accept', 'sec-websocket-protocol', 'sec-websocket-extensions'].flatMap((name) =>
    headers[name] === undefined ? [] : [`${name}: ${headers[name]}\r\n`],
  );
  client.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nx-request-id: ${id}\r\n${accepted.join('')}\r\n`,
  );
  let last = clock.elapsed();
  let error: GatewayError | null = null;
  let cancel = () => {};
  const watch = (ms: number) => {
    cancel = clock.after(ms, () => {
      const left = IDLE_MS - (clock.elapsed() - last);
      if (left > 0) return watch(left);
      error = new GatewayError('upstream_idle_timeout', `Nothing was said for ${IDLE_MS / 60_000} minutes.`);
      client.destroy();
    });
  };
  watch(IDLE_MS);
  const active = () => {
    last = clock.elapsed();
  };
  client.on('data', active);
  upstream.on('data', active);
  upstream.on('error', (cause) => {
    error ??= new GatewayError('upstream_interrupted', 'The connection to the upstream broke.', { cause });
  });
  const end = () => {
    cancel();
    client.destroy();
    upstream.destroy();
    void finish(error);
  };
  client.once('close', end);
  upstream.once('close', end);
  if (head.length > 0) upstream.write(head);
  client.pipe(upstream).pipe(client);
};
