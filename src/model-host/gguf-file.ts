import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type GgufHeader, readGgufHeader } from './gguf-header.ts';
import { ModelHostError } from './model-host-error.ts';

export type GgufFile = { header: GgufHeader; sizeBytes: number };

/**
 * Reads a model file's header before the engine sees it, because the engine hangs or says only "failed" on some
 * damaged files: counts and lengths must fit into the file, and the file must hold all the tensors that it announces.
 * @throws ModelHostError in words for a missing file, a directory, an empty file, one that is not GGUF, a truncated or
 * a hostile one.
 */
export const checkGgufFile = (path: string): GgufFile => {
  const { descriptor, sizeBytes } = open(path);
  try {
    const header = readGgufHeader({ name: path, sizeBytes, read: (start, length) => read(descriptor, start, length) });
    const neededBytes = header.headerBytes + header.dataBytes;
    if (neededBytes <= sizeBytes) return { header, sizeBytes };
    throw new ModelHostError(
      `The model file ${path} is truncated: it has ${sizeBytes} bytes and announces ${neededBytes}. Download it again.`,
    );
  } finally {
    closeSync(descriptor);
  }
};

const read = (descriptor: number, start: number, length: number): Buffer => {
  const chunk = Buffer.alloc(length);
  return chunk.subarray(0, readSync(descriptor, chunk, 0, length, start));
};

const open = (path: string): { descriptor: number; sizeBytes: number } => {
  try {
    const descriptor = openSync(path, 'r');
    const stats = fstatSync(descriptor);
    if (stats.isFile() && stats.size > 0) return { descriptor, sizeBytes: stats.size };
    closeSync(descriptor);
    throw new ModelHostError(
      stats.isFile()
        ? `The model file ${path} is empty. Download it again.`
        : `The model path ${path} is a directory, not a GGUF file. Name a file in it.`,
    );
  } catch (error) {
    if (error instanceof ModelHostError) throw error;
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const problem = isMissing ? 'does not exist' : `cannot be read (${(error as Error).message})`;
    throw new ModelHostError(`The model file ${path} ${problem}. Correct the path, or use hf:owner/repo:quant.`);
  }
};
