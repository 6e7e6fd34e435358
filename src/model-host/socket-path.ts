import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** What the kernel keeps of a socket's path, less the zero at its end (unix(7); macOS has four bytes fewer). */
const MAX_SOCKET_PATH_BYTES = 103;

/** A socket path in `directory` for the model `name`; in the system's temporary folder where that would be too long. */
export const chooseSocketPath = (directory: string, name: string): string => {
  const id = createHash('sha256')
    .update(`${resolve(directory)}\0${name}`)
    .digest('hex')
    .slice(0, 12);
  const path = join(resolve(directory), `model-host-${id}.sock`);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
  return join(tmpdir(), `rightsize-${process.getuid?.() ?? 0}-${id}`, 'model-host.sock');
};
