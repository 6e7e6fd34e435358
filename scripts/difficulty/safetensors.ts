/**
 * One tensor of 32-bit floats from a file in the safetensors format: eight bytes with the header's length, a JSON header
 * of names, types and offsets, then the data (https://huggingface.co/docs/safetensors).
 * @throws Error when the tensor is missing or of another type.
 */
export const readTensor = (file: Buffer, name: string): Float32Array => {
  const headerLength = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + headerLength)) as Record<
    string,
    { dtype: string; data_offsets: [number, number] }
  >;
  const entry = header[name];
  if (entry?.dtype !== 'F32') throw new Error(`the file holds no 32-bit tensor ${name}`);
  const [start, end] = entry.data_offsets.map((offset) => offset + 8 + headerLength) as [number, number];
  return new Float32Array(file.buffer.slice(file.byteOffset + start, file.byteOffset + end));
};
