/** One metadata entry: `[key, type, value]`. Types are those this project writes, of the thirteen that GGUF knows. */
export type Metadata =
  | [key: string, type: 'uint32' | 'int32' | 'float32', value: number]
  | [key: string, type: 'bool', value: boolean]
  | [key: string, type: 'string', value: string]
  | [key: string, type: 'int32[]', value: number[]]
  | [key: string, type: 'string[]', value: string[]];

/** `dimensions[0]` is the contiguous one (a row); `values` has as many numbers as the dimensions' product. */
export type Tensor = { name: string; dimensions: number[]; type: 'F32' | 'F16'; values: Float32Array };

const VALUE_TYPES = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
const TENSOR_TYPES = { F32: 0, F16: 1 } as const;
const ALIGNMENT = 32;

/**
 * The bytes of a GGUF file, version 3, little endian (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
 * @throws Error when a tensor has another number of values than its dimensions ask for.
 */
export const writeGguf = (metadata: Metadata[], tensors: Tensor[]): Buffer => {
  const parts: Buffer[] = [Buffer.from('GGUF'), uint32(3), uint64(tensors.length), uint64(metadata.length)];
  for (const entry of metadata) parts.push(string(entry[0]), Buffer.concat(metadataValue(entry)));
  let offset = 0;
  const data: Buffer[] = [];
  for (const tensor of tensors) {
    const bytes = padded(tensorBytes(tensor));
    parts.push(string(tensor.name), uint32(tensor.dimensions.length), ...tensor.dimensions.map(uint64));
    parts.push(uint32(TENSOR_TYPES[tensor.type]), uint64(offset));
    offset += bytes.length;
    data.push(bytes);
  }
  return Buffer.concat([padded(Buffer.concat(parts)), ...data]);
};

const metadataValue = ([, type, value]: Metadata): Buffer[] => {
  switch (type) {
    case 'string':
      return [uint32(VALUE_TYPES.string), string(value)];
    case 'bool':
      return [uint32(VALUE_TYPES.bool), Buffer.from([value ? 1 : 0])];
    case 'string[]':
      return [uint32(VALUE_TYPES.array), uint32(VALUE_TYPES.string), uint64(value.length), ...value.map(string)];
    case 'int32[]':
      return [uint32(VALUE_TYPES.array), uint32(VALUE_TYPES.int32), uint64(value.length), ...value.map(uint32)];
    case 'float32': {
      const bytes = Buffer.alloc(4);
      bytes.writeFloatLE(value);
      return [uint32(VALUE_TYPES.float32), bytes];
    }
    default:
      return [uint32(VALUE_TYPES[type]), uint32(value)];
  }
};

const tensorBytes = ({ name, dimensions, type, values }: Tensor): Buffer => {
  const count = dimensions.reduce((product, dimension) => product * dimension, 1);
  if (values.length !== count) throw new Error(`${name} has ${values.length} values, its dimensions ask for ${count}`);
  if (type === 'F32') return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const halves = new Uint16Array(count);
  for (let i = 0; i < count; i++) halves[i] = toHalf(values[i]!);
  return Buffer.from(halves.buffer);
};

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** IEEE 754 half precision: nearest (ties up), subnormals become zero, too large becomes the largest finite number. */
const toHalf = (value: number): number => {
  single[0] = value;
  const bits = singleBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  if (exponent <= 0) return sign;
  if (exponent >= 31) return sign | 0x7bff;
  const rounded = (exponent << 23) + (bits & 0x7fffff) + 0x1000;
  return sign | Math.min(rounded >>> 13, 0x7bff);
};

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};

const uint64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

const string = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([uint64(bytes.length), bytes]);
};

const padded = (bytes: Buffer): Buffer =>
  Buffer.concat([bytes, Buffer.alloc((ALIGNMENT - (bytes.length % ALIGNMENT)) % ALIGNMENT)]);
