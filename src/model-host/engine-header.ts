import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** As node-llama-cpp has them, as of `ENGINE_VERSION`. */
type Parser = { _fileReader: FileReader; _readGgufValue: ReadValue };
type ReadValue = (this: Parser, type: number, offset: Offset) => unknown;
type Offset = { readonly offset: number; moveBy(bytes: number): void };
type FileReader = { _buffer: Buffer; ensureHasByteRange(offset: Offset, bytes: number): Promise<void> | undefined };

/** Lists by layer have up to some hundred items, vocabularies from tens of thousands on. */
const LONG_LIST = 4096;
const STRING = 8;
const LIST = 9;
/** Bytes of a number by its type (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). */
const NUMBER_BYTES: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

/**
 * Keeps the engine from reading vocabularies into JavaScript beside its own: of a long list in a file's header it is left
 * with `{ length }`, which is all that it asks of one.
 * @param engineFile the module's `dist/index.js`, without symbolic links on the way.
 */
export const skipLongLists = async (engineFile: string): Promise<void> => {
  const file = join(dirname(engineFile), 'gguf/parser/GgufV2Parser.js');
  const { GgufV2Parser } = (await import(pathToFileURL(file).href)) as { GgufV2Parser: { prototype: Parser } };
  const readAsItIs = GgufV2Parser.prototype._readGgufValue;
  GgufV2Parser.prototype._readGgufValue = function (type, offset) {
    return type === LIST ? readList(this, offset, readAsItIs) : readAsItIs.call(this, type, offset);
  };
};

const readList = async (parser: Parser, offset: Offset, readAsItIs: ReadValue): Promise<unknown> => {
  const reader = parser._fileReader;
  await reader.ensureHasByteRange(offset, 12);
  const type = reader._buffer.readUInt32LE(offset.offset);
  const length = Number(reader._buffer.readBigUInt64LE(offset.offset + 4));
  const bytes = NUMBER_BYTES[type];
  if (length <= LONG_LIST || (bytes === undefined && type !== STRING)) return readAsItIs.call(parser, LIST, offset);
  offset.moveBy(12);
  if (bytes !== undefined) offset.moveBy(bytes * length);
  else {
    for (let item = 0; item < length; item++) {
      const more = reader.ensureHasByteRange(offset, 8);
      if (more) await more;
      offset.moveBy(8 + Number(reader._buffer.readBigUInt64LE(offset.offset)));
    }
  }
  return { length };
};
