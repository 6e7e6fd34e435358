import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type HubServer = {
  endpoint: string;
  /** Method-less log: `path range` for each request. */
  requests: string[];
  /** How many files were being sent at one time, at most. */
  mostAtOnce(): number;
  close(): void;
};

export type HubFaults = {
  /** Breaks the connection of the first file request after so many bytes. */
  breakAfterBytes?: number;
  /** Sends so many bytes of a file and then nothing more. */
  stallAfterBytes?: number;
  wrongChecksum?: boolean;
  /** The size that each file is said to have. */
  announcedBytes?: number;
  ignoresRanges?: boolean;
  /** Sends the content of files only when so many are asked for, or none came for a while. */
  holdFiles?: number;
  /** Demanded as bearer token. */
  token?: string;
};

/** A server with the two calls of Hugging Face's API that a download needs, for one repository, `owner/repo`. */
export const startHub = async (files: Record<string, Buffer>, faults: HubFaults = {}): Promise<HubServer> => {
  const requests: string[] = [];
  let hasBroken = false;
  const held: (() => void)[] = [];
  let most = 0;
  const release = () => {
    for (const send of held.splice(0)) send();
  };
  const hold = (send: () => void) => {
    held.push(send);
    most = Math.max(most, held.length);
    setTimeout(release, 300);
  };

  const sendTree = (response: ServerResponse) => {
    const tree = Object.entries(files).map(([path, content]) => {
      const oid = createHash('sha256')
        .update(faults.wrongChecksum ? 'other' : content)
        .digest('hex');
      return {
        type: 'file',
        path,
        size: faults.announcedBytes ?? content.length,
        oid: 'git',
        lfs: { oid, size: content.length },
      };
    });
    response.end(JSON.stringify([{ type: 'directory', path: 'folder', size: 0, oid: 'git' }, ...tree]));
  };

  const sendFile = (incoming: IncomingMessage, response: ServerResponse, content: Buffer) => {
    const start = Number(/bytes=(\d+)-/.exec(incoming.headers.range ?? '')?.[1] ?? 0);
    const rest = faults.ignoresRanges ? content : content.subarray(start);
    response.writeHead(start > 0 && !faults.ignoresRanges ? 206 : 200, { 'content-length': rest.length });
    const limit = faults.stallAfterBytes ?? (hasBroken ? undefined : faults.breakAfterBytes);
    if (limit === undefined) return response.end(rest);
    hasBroken = true;
    return response.write(rest.subarray(0, limit), () => {
      if (faults.stallAfterBytes === undefined) response.destroy();
    });
  };

  const server = createServer((incoming, response) => {
    const path = decodeURIComponent(incoming.url!);
    requests.push(`${path} ${incoming.headers.range ?? ''}`.trim());
    const content = files[path.replace('/owner/repo/resolve/main/', '')];
    if (faults.token && incoming.headers.authorization !== `Bearer ${faults.token}`) response.writeHead(401).end();
    else if (path.startsWith('/api/models/owner/repo/tree/main')) sendTree(response);
    else if (content && faults.holdFiles) hold(() => sendFile(incoming, response, content));
    else if (content) sendFile(incoming, response, content);
    else response.writeHead(404).end('not found');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    mostAtOnce: () => most,
    close,
  };
};
