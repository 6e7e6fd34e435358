/** A vector as OpenAI's base64 has it: 32-bit floats, low byte first. */
export type VectorBytes = Buffer;

const FLOAT_BYTES = 4;

/**
 * The bytes of an embedding as an upstream sent it.
 * @returns null when they are no floats: base64 whose length is no multiple of four bytes, or nothing at all.
 */
export const toVectorBytes = (embedding: string | number[]): VectorBytes | null => {
  if (typeof embedding === 'string') {
    const bytes = Buffer.from(embedding, 'base64');
    return bytes.length > 0 && bytes.length % FLOAT_BYTES === 0 ? bytes : null;
  }
  if (embedding.length === 0) return null;
  const bytes = Buffer.allocUnsafe(embedding.length * FLOAT_BYTES);
  for (let i = 0; i < embedding.length; i++) bytes.writeFloatLE(embedding[i] as number, i * FLOAT_BYTES);
  return bytes;
};

export const fromVectorBytes = (bytes: VectorBytes, format: 'float' | 'base64'): string | number[] =>
  format === 'base64' ? bytes.toString('base64') : toNumbers(bytes);

const toNumbers = (bytes: VectorBytes): number[] =>
  Array.from({ length: bytes.length / FLOAT_BYTES }, (_, i) => bytes.readFloatLE(i * FLOAT_BYTES));

/**
 * The first `dimensions` of a vector, made of length 1 again: what models trained for it mean by fewer dimensions
 * (https://platform.openai.com/docs/guides/embeddings, "Reducing embedding dimensions"). A shorter vector stays as it is.
 */
export const cutVector = (bytes: VectorBytes, dimensions: number): VectorBytes => {
  if (bytes.length / FLOAT_BYTES <= dimensions) return bytes;
  const numbers = toNumbers(bytes.subarray(0, dimensions * FLOAT_BYTES));
  const length = Math.hypot(...numbers);
  return toVectorBytes(length > 0 ? numbers.map((value) => value / length) : numbers) as VectorBytes;
};
