import { promisify } from 'node:util';
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';

/** Longer texts are worked on by another thread, so that the event loop is not held for a millisecond and more. */
const ASYNC_FROM_BYTES = 128 * 1024;
/** What claims to be longer is not ours. */
const MAX_BYTES = 256 * 1024 * 1024;
const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const LIMIT = { maxOutputLength: MAX_BYTES };

export const compress = async (bytes: Buffer): Promise<Buffer> =>
  bytes.length < ASYNC_FROM_BYTES ? zstdCompressSync(bytes, FAST) : promisify(zstdCompress)(bytes, FAST);

/** For JSON, which shrinks to a fifth or so. @throws Error for bytes that are none of ours. */
export const decompress = async (bytes: Buffer): Promise<Buffer> =>
  bytes.length < ASYNC_FROM_BYTES / 5 ? zstdDecompressSync(bytes, LIMIT) : promisify(zstdDecompress)(bytes, LIMIT);
