import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from './until.ts';

/** One request as it came. `body` is complete before the handler runs, unless the server reads nothing by itself. */
export type SeenRequest = {
  method: string;
  /** With its query. */
  path: string;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  json: Record<string, unknown>;
  response: ServerResponse;
  /** The connection is gone, or the answer complete. */
  isClosed: boolean;
};

type Handler = (request: SeenRequest) => unknown;

/** A real HTTP server on a free port for endpoints other than chat: it answers as its handler says. */
export class AnyUpstream {
  readonly seen: SeenRequest[] = [];
  readonly server: Server;
  handler: Handler;

  private constructor(handler: Handler) {
    this.handler = handler;
    this.server = createServer(async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
      const bytes = Buffer.concat(pieces);
      const { method = '', url = '', headers } = request;
      const isJson = headers['content-type']?.startsWith('application/json') && bytes.length > 0;
      const json = isJson ? (JSON.parse(bytes.toString('utf8')) as Record<string, unknown>) : {};
      const seen: SeenRequest = { method, path: url, headers, bytes, json, response, isClosed: false };
      response.on('close', () => {
        seen.isClosed = true;
      });
      this.seen.push(seen);
      await this.handler(seen);
    });
  }

  static async start(handler: Handler): Promise<AnyUpstream> {
    const upstream = new AnyUpstream(handler);
    upstream.server.listen(0, '127.0.0.1');
    await once(upstream.server, 'listening');
    return upstream;
  }

  /** Base URL as routes.yaml takes it. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  get last(): SeenRequest {
    const seen = this.seen.at(-1);
    if (seen === undefined) throw new Error('nothing has come yet');
    return seen;
  }

  async untilSeen(count: number): Promise<SeenRequest> {
    await until(() => this.seen.length >= count, 5_000, `request ${count} at the upstream`);
    return this.seen[count - 1] as SeenRequest;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

export const sendJson = ({ response }: SeenRequest, value: unknown, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
};
