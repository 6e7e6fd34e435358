import { closeSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { untrainedNano } from './test-models.ts';

export const NANO = untrainedNano;
const writeInto = (folder: string, name: string, content: Buffer): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

/** The model in the box with the eight bytes at `offset` replaced. */
const patched = (offset: number, value: bigint): Buffer => {
  const copy = Buffer.from(NANO);
  copy.writeBigUInt64LE(value, offset);
  return copy;
};

/** A header of one F32 tensor so large that no machine holds it, in a file that has the size but no content. */
export const largerThanMemory = (folder: string): string => {
  const path = writeInto(folder, 'larger.gguf', hugeTensorHeader());
  const descriptor = openSync(path, 'r+');
  ftruncateSync(descriptor, 4 * 2 ** 40 + 4096);
  closeSync(descriptor);
  return path;
};

const hugeTensorHeader = (): Buffer => {
  const header = Buffer.alloc(24 + 8 + 1 + 4 + 8 + 4 + 8);
  header.write('GGUF');
  header.writeUInt32LE(3, 4);
  header.writeBigUInt64LE(1n, 8);
  header.writeBigUInt64LE(1n, 24);
  header.write('t', 32);
  header.writeUInt32LE(1, 33);
  header.writeBigUInt64LE(2n ** 40n, 37);
  return header;
};

const FIRST_KEY_LENGTH = 24;

/** Model files that no engine should see: what is wrong, the file's path, and the words that it is refused with. */
export const badFiles = (folder: string): [what: string, path: string, words: RegExp][] => {
  const file = (name: string, content: Buffer) => writeInto(folder, name, content);
  return [
    ['missing', join(folder, 'nowhere.gguf'), /does not exist.*hf:owner/],
    ['a directory', folder, /is a directory/],
    ['empty', file('empty.gguf', Buffer.alloc(0)), /is empty/],
    ['not GGUF', file('page.gguf', Buffer.from('<!doctype html><p>Not found')), /is not a GGUF model/],
    ['three bytes', file('short.gguf', Buffer.from('GGU')), /damaged/],
    ['another version', file('version.gguf', patched(4, 9n)), /version 9/],
    ['cut in its header', file('header.gguf', NANO.subarray(0, 4000)), /damaged/],
    ['cut in its data', file('data.gguf', NANO.subarray(0, NANO.length - 5000)), /is truncated.*Download it again/],
    ['absurdly many tensors', file('tensors.gguf', patched(8, 2n ** 60n)), /announces \d{19} tensors/],
    ['absurdly many entries', file('entries.gguf', patched(16, 2n ** 60n)), /metadata entries/],
    ['a hostile length', file('length.gguf', patched(FIRST_KEY_LENGTH, 2n ** 63n)), /damaged or hostile/],
  ];
};
