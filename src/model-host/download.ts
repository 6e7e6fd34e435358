import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fetchFromHub, type HubRequest } from './hub.ts';
import { ModelHostError } from './model-host-error.ts';

export type DownloadProgress = { file: string; bytes: number; totalBytes: number };

export type DownloadOptions = HubRequest & {
  url: string;
  /** Where the file will be; while it is incomplete it is `<path>.part`. */
  path: string;
  sizeBytes: number;
  /** Hex; null when the server does not know it, then only the size is checked. */
  sha256: string | null;
  onProgress: (progress: DownloadProgress) => void;
  /** Longest time without a byte, in milliseconds. */
  idleTimeoutMs?: number;
};

const IDLE_TIMEOUT_MS = 30_000;
/** In a row, with hardly anything gained in any of them. */
const MAX_ATTEMPTS = 5;
const PROGRESS_STEP_BYTES = 4 * 1024 * 1024;

/**
 * Fetches a file into place. What an earlier run or a broken connection left is continued, not fetched again.
 * @throws ModelHostError when the server refuses, stays silent or breaks off again and again, when the disk is full,
 * or when the bytes are not those that the server announced; then nothing is kept.
 */
export const downloadFile = async (options: DownloadOptions): Promise<void> => {
  const partPath = `${options.path}.part`;
  mkdirSync(dirname(options.path), { recursive: true });
  for (let attempt = 1; sizeOf(partPath) < options.sizeBytes; attempt++) {
    const before = sizeOf(partPath);
    try {
      await fetchRest(options, partPath);
      if (sizeOf(partPath) < options.sizeBytes) throw new Error('the connection ended early');
    } catch (error) {
      if (error instanceof ModelHostError) throw error;
      if (sizeOf(partPath) - before >= PROGRESS_STEP_BYTES) attempt = 0;
      if (attempt === MAX_ATTEMPTS || (error as NodeJS.ErrnoException).code === 'ENOSPC') {
        throw new ModelHostError(
          `The download of ${basename(options.path)} failed: ${(error as Error).message}. Start again to continue where it stopped.`,
          { cause: error },
        );
      }
    }
  }
  await verify(options, partPath);
  renameSync(partPath, options.path);
};

const fetchRest = async (options: DownloadOptions, partPath: string): Promise<void> => {
  const have = sizeOf(partPath);
  const stalled = new AbortController();
  const idleMs = options.idleTimeoutMs ?? IDLE_TIMEOUT_MS;
  const idle = setTimeout(() => stalled.abort(new Error(`nothing came for ${idleMs / 1000} s`)), idleMs);
  try {
    const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
    const response = await fetchFromHub(options.url, options, headers, stalled.signal);
    // A server that does not know ranges starts from the beginning.
    let bytes = response.status === 206 ? have : 0;
    let reported = 0;
    const report = () => {
      reported = bytes;
      options.onProgress({ file: basename(options.path), bytes, totalBytes: options.sizeBytes });
    };
    report();
    const file = await open(partPath, bytes > 0 ? 'a' : 'w');
    try {
      for await (const chunk of response.body!) {
        idle.refresh();
        bytes += chunk.length;
        if (bytes > options.sizeBytes) throw new Error('the server sends more than it announced');
        await file.appendFile(chunk);
        if (bytes - reported >= PROGRESS_STEP_BYTES || bytes === options.sizeBytes) report();
      }
    } finally {
      // Only now is what the file has certain: the next attempt continues from its size.
      await file.close();
    }
  } finally {
    clearTimeout(idle);
  }
};

const verify = async ({ sha256, sizeBytes, path }: DownloadOptions, partPath: string): Promise<void> => {
  const hash = createHash('sha256');
  if (sha256 !== null) for await (const chunk of createReadStream(partPath)) hash.update(chunk);
  if (sizeOf(partPath) === sizeBytes && (sha256 === null || hash.digest('hex') === sha256)) return;
  rmSync(partPath);
  throw new ModelHostError(
    `The download of ${basename(path)} is damaged: its checksum is not the one announced. It was deleted; start again.`,
  );
};

const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);
