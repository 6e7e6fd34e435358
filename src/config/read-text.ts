import { createReadStream } from 'node:fs';

/** The largest routes.yaml, and the largest key file. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** The bytes of a file, at most one more than the limit, so that a device or a huge file cannot fill the memory. */
export const readFileBounded = async (path: string): Promise<Uint8Array> => {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { end: MAX_FILE_BYTES })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

/** The text of bytes, or what is wrong with them in a sentence. */
export const decodeText = (bytes: Uint8Array): { text: string } | { fault: string } => {
  if (bytes.length > MAX_FILE_BYTES) return { fault: 'the file is larger than 1 MiB' };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (text.includes('\0')) return { fault: 'the file is not text: it holds zero bytes' };
    return text.trim() === '' ? { fault: 'the file is empty' } : { text };
  } catch {
    return { fault: 'the file is not UTF-8 text; save it in that encoding' };
  }
};

/** Why a file could not be read, in a sentence. */
export const describeReadError = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file; `rightsize init` writes one';
    case 'EISDIR':
      return 'this is a directory, not a file';
    case 'EACCES':
    case 'EPERM':
      return 'this process may not read the file';
    default:
      return `the file cannot be read (${code ?? 'unknown error'})`;
  }
};
