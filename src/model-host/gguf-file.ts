import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ModelHostError } from './model-host-error.ts';

/** What the header of a GGUF file says, as far as it is needed to trust the rest. */
export type GgufFacts = { architecture: string; tensorCount: number; sizeBytes: number };

const MAX_METADATA_ENTRIES = 65_536;
const MAX_TENSORS = 1_000_000;
const MAX_HEADER_BYTES = 512 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;

/** Bytes of a metadata value by its type number; 8 is a string, 9 an array. */
const VALUE_BYTES: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

/** `[values, bytes]` of a block by tensor type number (ggml.h). A type that is not here is left to the engine to judge. */
const TENSOR_BLOCKS: Record<number, [values: number, bytes: number]> = {
  ...{ 0: [1, 4], 1: [1, 2], 2: [32, 18], 3: [32, 20], 6: [32, 22], 7: [32, 24], 8: [32, 34], 9: [32, 36] },
  ...{ 10: [256, 84], 11: [256, 110], 12: [256, 144], 13: [256, 176], 14: [256, 210], 15: [256, 292] },
  ...{ 16: [256, 66], 17: [256, 74], 18: [256, 98], 19: [256, 50], 20: [32, 18], 21: [256, 110], 22: [256, 82] },
  ...{ 23: [256, 136], 24: [1, 1], 25: [1, 2], 26: [1, 4], 27: [1, 8], 28: [1, 8], 29: [256, 56], 30: [1, 2] },
  ...{ 34: [256, 54], 35: [256, 66], 39: [32, 17] },
};

/**
 * Reads a model file's header before the engine sees it, because the engine hangs or says only "failed" on some
 * damaged files: counts and lengths must fit into the file, and the file must hold all the tensors that it announces.
 * @throws ModelHostError in words for a missing file, a directory, an empty file, one that is not GGUF, a truncated or
 * a hostile one.
 */
export const checkGgufFile = (path: string): GgufFacts => {
  const file = open(path);
  try {
    return checkHeader(new HeaderReader(file.descriptor, file.sizeBytes, path), path);
  } finally {
    closeSync(file.descriptor);
  }
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

const checkHeader = (reader: HeaderReader, path: string): GgufFacts => {
  if (reader.bytes(4).toString('latin1') !== 'GGUF') {
    throw new ModelHostError(`The file ${path} is not a GGUF model: it does not begin with "GGUF".`);
  }
  const version = reader.uint32();
  if (version < 2 || version > 3) throw reader.damaged(`GGUF version ${version} is not 2 or 3`);
  const tensorCount = reader.count('tensors', MAX_TENSORS);
  const entryCount = reader.count('metadata entries', MAX_METADATA_ENTRIES);
  let architecture = 'unknown';
  let alignment = 32;
  for (let i = 0; i < entryCount; i++) {
    const key = reader.string();
    const type = reader.uint32();
    if (key === 'general.architecture' && type === 8) architecture = reader.string();
    else if (key === 'general.alignment' && type === 4) alignment = reader.uint32();
    else skipValue(reader, type, 0);
  }
  if (alignment === 0 || alignment > 65_536) throw reader.damaged(`an alignment of ${alignment}`);
  let dataBytes = 0;
  for (let i = 0; i < tensorCount; i++) dataBytes = Math.max(dataBytes, readTensorEnd(reader));
  const neededBytes = Math.ceil(reader.position / alignment) * alignment + dataBytes;
  if (neededBytes > reader.sizeBytes) {
    throw new ModelHostError(
      `The model file ${path} is truncated: it has ${reader.sizeBytes} bytes and announces ${neededBytes}. Download it again.`,
    );
  }
  return { architecture, tensorCount, sizeBytes: reader.sizeBytes };
};

const skipValue = (reader: HeaderReader, type: number, depth: number): void => {
  if (type === 8) reader.skip(reader.uint64());
  else if (type === 9) skipArray(reader, depth);
  else reader.skip(valueBytes(reader, type));
};

const skipArray = (reader: HeaderReader, depth: number): void => {
  const type = reader.uint32();
  const length = reader.uint64();
  if (type !== 8 && type !== 9) {
    reader.skip(length * valueBytes(reader, type));
    return;
  }
  if (depth > 2) throw reader.damaged('arrays inside arrays inside arrays');
  // The shortest item takes eight bytes, so a length beyond that is a lie that would keep us busy for ever.
  if (length * 8 > reader.remaining) throw reader.damaged(`an array of ${length} items`);
  for (let i = 0; i < length; i++) skipValue(reader, type, depth + 1);
};

const valueBytes = (reader: HeaderReader, type: number): number => {
  const bytes = VALUE_BYTES[type];
  if (bytes === undefined) throw reader.damaged(`metadata of type ${type}`);
  return bytes;
};

/** The offset behind a tensor's last byte, from the start of the tensor data. */
const readTensorEnd = (reader: HeaderReader): number => {
  reader.skip(reader.uint64());
  const dimensionCount = reader.uint32();
  if (dimensionCount > 4) throw reader.damaged(`a tensor of ${dimensionCount} dimensions`);
  let values = 1;
  for (let i = 0; i < dimensionCount; i++) values *= reader.uint64();
  const [blockValues, blockBytes] = TENSOR_BLOCKS[reader.uint32()] ?? [1, 0];
  return reader.uint64() + (values / blockValues) * blockBytes;
};

/** Little-endian reading in large pieces; a length that reaches beyond the file is an error before it is followed. */
class HeaderReader {
  readonly sizeBytes: number;
  readonly #descriptor: number;
  readonly #path: string;
  #chunk = Buffer.alloc(0);
  #chunkStart = 0;
  position = 0;

  constructor(descriptor: number, sizeBytes: number, path: string) {
    this.#descriptor = descriptor;
    this.sizeBytes = sizeBytes;
    this.#path = path;
  }

  get remaining(): number {
    return this.sizeBytes - this.position;
  }

  bytes(length: number): Buffer {
    const start = this.position;
    this.skip(length);
    if (start < this.#chunkStart || start + length > this.#chunkStart + this.#chunk.length) {
      const chunk = Buffer.alloc(Math.min(Math.max(CHUNK_BYTES, length), this.sizeBytes - start));
      this.#chunk = chunk.subarray(0, readSync(this.#descriptor, chunk, 0, chunk.length, start));
      this.#chunkStart = start;
      if (this.#chunk.length < length) throw this.damaged('a header that ends early');
    }
    return this.#chunk.subarray(start - this.#chunkStart, start - this.#chunkStart + length);
  }

  skip(length: number): void {
    if (!(length <= this.remaining)) throw this.damaged(`a length of ${length} bytes where ${this.remaining} are left`);
    this.position += length;
    if (this.position > MAX_HEADER_BYTES) throw this.damaged('a header of more than 512 MiB');
  }

  uint32(): number {
    return this.bytes(4).readUInt32LE();
  }

  uint64(): number {
    return Number(this.bytes(8).readBigUInt64LE());
  }

  string(): string {
    const length = this.uint64();
    if (length > CHUNK_BYTES) throw this.damaged(`a name of ${length} bytes`);
    return this.bytes(length).toString('utf8');
  }

  count(what: string, limit: number): number {
    const count = this.uint64();
    if (count > limit) throw this.damaged(`${count} ${what}`);
    return count;
  }

  damaged(finding: string): ModelHostError {
    return new ModelHostError(
      `The model file ${this.#path} is damaged or hostile: its header announces ${finding}. Download it again from a source you trust.`,
    );
  }
}
