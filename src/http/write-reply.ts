import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Reply } from '../contract/incoming.ts';
import type { Clock } from '../lib/clock.ts';
import { writeError } from './errors.ts';

/** Proxies and clients close a stream that is silent for long; a comment line keeps it open and means nothing. */
const HEARTBEAT = ': heartbeat\n\n';
const HEARTBEAT_AFTER_MS = 15_000;

/** Writes a reply to Node's own response and ends it. Waits for a slow reader, so that no stream piles up in memory. */
export const writeReply = async (
  response: ServerResponse,
  reply: Reply,
  options: { clock: Clock; signal: AbortSignal },
): Promise<void> => {
  if (reply.kind === 'failure') {
    writeError(response, reply.error, reply.headers, reply.text);
  } else if (reply.kind === 'json') {
    response.writeHead(200, {
      ...reply.headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(reply.text),
    });
    response.end(reply.text);
  } else if (reply.kind === 'bytes') {
    await writeBytes(response, reply, options.signal);
  } else {
    await writeStream(response, reply, options);
  }
};

/** Whatever breaks off in the middle is cut off here too: the status has left, and half a body must not look whole. */
const writeBytes = async (
  response: ServerResponse,
  { status, headers, body }: Reply & { kind: 'bytes' },
  signal: AbortSignal,
): Promise<void> => {
  response.writeHead(status, headers);
  response.flushHeaders();
  try {
    for await (const piece of body) {
      if (response.destroyed) break;
      if (!response.write(piece)) await once(response, 'drain', { signal });
    }
    response.end();
  } catch {
    response.destroy();
  }
};

const writeStream = async (
  response: ServerResponse,
  { headers, events }: Reply & { kind: 'stream' },
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<void> => {
  response.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
  const heartbeat = startHeartbeat(response, clock);
  try {
    for await (const event of events) {
      if (response.destroyed) break;
      heartbeat.activity();
      if (!response.write(event)) await once(response, 'drain', { signal });
    }
    response.end();
  } catch {
    // The client left while we waited for it to read; leaving the loop has ended the upstream's call.
    response.destroy();
  } finally {
    heartbeat.stop();
  }
};

const startHeartbeat = (response: ServerResponse, clock: Clock) => {
  let last = clock.elapsed();
  let cancel = () => {};
  const arm = (ms: number) => {
    cancel = clock.after(ms, () => {
      const left = HEARTBEAT_AFTER_MS - (clock.elapsed() - last);
      if (left <= 0 && !response.writableNeedDrain) {
        response.write(HEARTBEAT);
        last = clock.elapsed();
      }
      arm(left > 0 ? left : HEARTBEAT_AFTER_MS);
    });
  };
  arm(HEARTBEAT_AFTER_MS);
  return {
    activity: () => {
      last = clock.elapsed();
    },
    stop: () => cancel(),
  };
};
