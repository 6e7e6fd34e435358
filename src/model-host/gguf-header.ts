import { type ByteSource, GgufReader } from './gguf-reader.ts';
import { ModelHostError } from './model-host-error.ts';
import { type TensorType, tensorTypeOf } from './tensor-types.ts';

export type GgufTensor = { name: string; dimensions: number[]; type: TensorType };

/** Long strings and long arrays are skipped: of them `metadata` has only the length. */
export type GgufValue = number | boolean | string | number[] | { length: number };

export type GgufHeader = {
  metadata: ReadonlyMap<string, GgufValue>;
  tensors: GgufTensor[];
  /** Of the header, with the gap before the tensor data. */
  headerBytes: number;
  /** From the end of the header to the end of the last tensor. */
  dataBytes: number;
};

const MAX_METADATA_ENTRIES = 65_536;
const MAX_TENSORS = 1_000_000;
/** Chat templates have up to some tens of thousands of characters; lists by layer up to some hundred numbers. */
const MAX_TEXT_BYTES = 1024 * 1024;
const MAX_LIST = 1024;

const STRING = 8;
const ARRAY = 9;
/** Of a metadata value by its type number (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). */
const NUMBERS: Record<number, { bytes: number; read: (bytes: Buffer) => number | boolean }> = {
  0: { bytes: 1, read: (bytes) => bytes.readUInt8() },
  1: { bytes: 1, read: (bytes) => bytes.readInt8() },
  2: { bytes: 2, read: (bytes) => bytes.readUInt16LE() },
  3: { bytes: 2, read: (bytes) => bytes.readInt16LE() },
  4: { bytes: 4, read: (bytes) => bytes.readUInt32LE() },
  5: { bytes: 4, read: (bytes) => bytes.readInt32LE() },
  6: { bytes: 4, read: (bytes) => bytes.readFloatLE() },
  7: { bytes: 1, read: (bytes) => bytes[0] !== 0 },
  10: { bytes: 8, read: (bytes) => Number(bytes.readBigUInt64LE()) },
  11: { bytes: 8, read: (bytes) => Number(bytes.readBigInt64LE()) },
  12: { bytes: 8, read: (bytes) => bytes.readDoubleLE() },
};

/**
 * Reads all that a GGUF file says of itself before its numbers begin; counts and lengths must fit into the file.
 * @throws ModelHostError in words for what is not GGUF, is damaged or hostile; whatever `source.read` throws.
 */
export const readGgufHeader = (source: ByteSource): GgufHeader => {
  const reader = new GgufReader(source);
  if (reader.bytes(4).toString('latin1') !== 'GGUF') {
    throw new ModelHostError(`The file ${source.name} is not a GGUF model: it does not begin with "GGUF".`);
  }
  const version = reader.uint32();
  if (version < 2 || version > 3) throw reader.damaged(`GGUF version ${version}, and only 2 and 3 are known`);
  const tensorCount = reader.count('tensors', MAX_TENSORS);
  const entryCount = reader.count('metadata entries', MAX_METADATA_ENTRIES);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < entryCount; i++) {
    const key = reader.name();
    metadata.set(key, readValue(reader, reader.uint32(), 0));
  }
  const alignment = metadata.get('general.alignment') ?? 32;
  if (typeof alignment !== 'number' || !(alignment >= 1 && alignment <= 65_536)) {
    throw reader.damaged(`an alignment of ${alignment}`);
  }
  const tensors: GgufTensor[] = [];
  let dataBytes = 0;
  for (let i = 0; i < tensorCount; i++) {
    const tensor = readTensor(reader);
    tensors.push(tensor);
    const { bytes, values } = tensor.type;
    dataBytes = Math.max(dataBytes, reader.uint64() + (valuesOf(tensor) / values) * bytes);
  }
  return { metadata, tensors, headerBytes: Math.ceil(reader.position / alignment) * alignment, dataBytes };
};

/** How many numbers a tensor has. */
export const valuesOf = ({ dimensions }: GgufTensor): number =>
  dimensions.reduce((product, dimension) => product * dimension, 1);

const readTensor = (reader: GgufReader): GgufTensor => {
  const name = reader.name();
  const dimensionCount = reader.uint32();
  if (dimensionCount > 4) throw reader.damaged(`a tensor of ${dimensionCount} dimensions`);
  const dimensions = Array.from({ length: dimensionCount }, () => reader.uint64());
  return { name, dimensions, type: tensorTypeOf(reader.uint32()) };
};

const readValue = (reader: GgufReader, type: number, depth: number): GgufValue => {
  if (type === STRING) return readText(reader);
  if (type === ARRAY) return readArray(reader, depth);
  const { bytes, read } = numberType(reader, type);
  return read(reader.bytes(bytes));
};

const readText = (reader: GgufReader): GgufValue => {
  const length = reader.uint64();
  if (length <= MAX_TEXT_BYTES) return reader.bytes(length).toString('utf8');
  reader.skip(length);
  return { length };
};

const readArray = (reader: GgufReader, depth: number): GgufValue => {
  const type = reader.uint32();
  const length = reader.uint64();
  if (type !== STRING && type !== ARRAY) {
    const { bytes, read } = numberType(reader, type);
    if (length <= MAX_LIST) return Array.from({ length }, () => Number(read(reader.bytes(bytes))));
    reader.skip(length * bytes);
    return { length };
  }
  if (depth > 2) throw reader.damaged('arrays inside arrays inside arrays');
  // The shortest item takes eight bytes, so a length beyond that is a lie that would keep us busy for ever.
  if (length * 8 > reader.remaining) throw reader.damaged(`an array of ${length} items`);
  for (let i = 0; i < length; i++) {
    if (type === STRING) reader.skip(reader.uint64());
    else readArray(reader, depth + 1);
  }
  return { length };
};

const numberType = (reader: GgufReader, type: number) => {
  const known = NUMBERS[type];
  if (!known) throw reader.damaged(`metadata of type ${type}`);
  return known;
};
