import { ModelHostError } from './model-host-error.ts';

/** Where a header's bytes come from: `read` returns at most `length` of them, and `atLeast` unless the file ends early. */
export type ByteSource = {
  name: string;
  sizeBytes: number;
  read(start: number, length: number, atLeast: number): Buffer;
};

const MAX_HEADER_BYTES = 512 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
const MAX_NAME_BYTES = 64 * 1024;

/** Little-endian reading in large pieces; a length that reaches beyond the file is an error before it is followed. */
export class GgufReader {
  readonly source: ByteSource;
  position = 0;
  #chunk: Buffer = Buffer.alloc(0);
  #chunkStart = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  get remaining(): number {
    return this.source.sizeBytes - this.position;
  }

  bytes(length: number): Buffer {
    const start = this.position;
    this.skip(length);
    if (start < this.#chunkStart || start + length > this.#chunkStart + this.#chunk.length) {
      const wanted = Math.min(Math.max(CHUNK_BYTES, length), this.source.sizeBytes - start);
      this.#chunk = this.source.read(start, wanted, length);
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

  /** Exact up to 2^53, and large enough to be refused beyond. */
  uint64(): number {
    const bytes = this.bytes(8);
    return bytes.readUInt32LE(4) * 2 ** 32 + bytes.readUInt32LE(0);
  }

  /** A key or a tensor's name. */
  name(): string {
    const length = this.uint64();
    if (length > MAX_NAME_BYTES) throw this.damaged(`a name of ${length} bytes`);
    return this.bytes(length).toString('utf8');
  }

  count(what: string, limit: number): number {
    const count = this.uint64();
    if (count > limit) throw this.damaged(`${count} ${what}`);
    return count;
  }

  damaged(finding: string): ModelHostError {
    return new ModelHostError(
      `The model file ${this.source.name} is damaged or hostile: its header announces ${finding}. Download it again from a source you trust.`,
    );
  }
}
