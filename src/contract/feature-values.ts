/** A classifier's features as base64 of 32-bit floats, low byte first: 4 bytes each, to about seven digits. */
export const packFeatures = (values: readonly number[]): string => {
  const bytes = Buffer.allocUnsafe(values.length * 4);
  for (let i = 0; i < values.length; i++) bytes.writeFloatLE(values[i] as number, i * 4);
  return bytes.toString('base64');
};

export const unpackFeatures = (packed: string): number[] => {
  const bytes = Buffer.from(packed, 'base64');
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readFloatLE(i * 4));
};
