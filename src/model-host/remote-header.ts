import { type GgufHeader, readGgufHeader } from './gguf-header.ts';
import { fetchFromHub, type HubRequest } from './hub.ts';

const FIRST_BYTES = 2 * 1024 * 1024;
const GROWTH = 4;

/** The parse reached beyond what was fetched so far. */
class MoreBytesNeeded extends Error {
  readonly end: number;
  constructor(end: number) {
    super(`${end} bytes are needed`);
    this.end = end;
  }
}

/**
 * Reads the header of a file on a server, a few megabytes of many gigabytes. A large vocabulary makes it long.
 * @throws ModelHostError for what is no model, and whatever `fetchFromHub` throws.
 */
export const readRemoteHeader = async (
  url: string,
  { name, sizeBytes }: { name: string; sizeBytes: number },
  request: HubRequest,
): Promise<GgufHeader> => {
  let wanted = Math.min(FIRST_BYTES, sizeBytes);
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    bytes = Buffer.concat([bytes, await fetchRange(url, bytes.length, wanted, request)]);
    const known = bytes;
    const read = (start: number, length: number, atLeast: number): Buffer => {
      if (start + atLeast > known.length && known.length < sizeBytes) throw new MoreBytesNeeded(start + atLeast);
      return known.subarray(start, start + length);
    };
    try {
      return readGgufHeader({ name, sizeBytes, read });
    } catch (error) {
      if (!(error instanceof MoreBytesNeeded)) throw error;
      wanted = Math.min(sizeBytes, Math.max(error.end, wanted * GROWTH));
    }
  }
};

/** The bytes from `start` to before `end`; a server that knows no ranges is stopped when it has sent them. */
const fetchRange = async (url: string, start: number, end: number, request: HubRequest): Promise<Buffer> => {
  const response = await fetchFromHub(url, request, { range: `bytes=${start}-${end - 1}` });
  let position = response.status === 206 ? start : 0;
  const pieces: Buffer[] = [];
  for await (const piece of response.body!) {
    const from = Math.max(0, start - position);
    pieces.push(Buffer.from(piece.subarray(from, Math.max(from, end - position))));
    position += piece.length;
    if (position >= end) break;
  }
  return Buffer.concat(pieces);
};
