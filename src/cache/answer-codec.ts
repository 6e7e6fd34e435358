import { inOwnMemory } from '../lib/own-memory.ts';
import { compress, decompress } from '../lib/zstd.ts';
import type { Keepable, Keeping, Stored } from './cache-store.ts';

/** Shorter answers are kept as they are: little is won, and the time is paid by every hit. */
const COMPRESS_FROM_BYTES = 2 * 1024;

/** One byte of form, then three doubles: storedAt, freshUntil, expiresAt. What follows is JSON, compressed or not. */
export const HEADER_BYTES = 25;
const PLAIN = 0x10;
const ZSTD = 0x11;

/** An answer as the bytes that stores keep; null when it is longer than may be kept. */
export const encodeAnswer = async (answer: Keepable, keeping: Keeping): Promise<Buffer | null> => {
  const { freshMs, staleMs, maxBytes } = keeping;
  const { storedAt, ...rest } = answer;
  const json = Buffer.from(JSON.stringify(rest));
  if (json.length > maxBytes) return null;
  const isCompressed = json.length >= COMPRESS_FROM_BYTES;
  const payload = isCompressed ? await compress(json) : json;
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = isCompressed ? ZSTD : PLAIN;
  header.writeDoubleBE(storedAt, 1);
  header.writeDoubleBE(storedAt + freshMs, 9);
  header.writeDoubleBE(storedAt + freshMs + staleMs, 17);
  return inOwnMemory(header, payload);
};

/** When an entry was stored and ends, in Unix milliseconds; null where the bytes are no entry. Reads the header alone. */
export const readTimes = (bytes: Buffer): { storedAt: number; freshUntil: number; expiresAt: number } | null => {
  if (bytes.length < HEADER_BYTES || (bytes[0] !== PLAIN && bytes[0] !== ZSTD)) return null;
  return { storedAt: bytes.readDoubleBE(1), freshUntil: bytes.readDoubleBE(9), expiresAt: bytes.readDoubleBE(17) };
};

/** The answer in the bytes of a store; null when its time is over, or they are damaged. Never rejects. */
export const decodeAnswer = async <Kept extends Keepable>(bytes: Buffer, now: number): Promise<Stored<Kept> | null> => {
  const times = readTimes(bytes);
  if (times === null || times.expiresAt <= now) return null;
  const { storedAt, freshUntil } = times;
  try {
    const payload = bytes.subarray(HEADER_BYTES);
    const json = bytes[0] === ZSTD ? await decompress(payload) : payload;
    return { ...(JSON.parse(json.toString('utf8')) as Kept), storedAt, freshUntil };
  } catch {
    return null;
  }
};
