/**
 * The pieces one after another in memory of their own. What Node makes of short texts and copies lies in slabs of 64 kB
 * that others use as well, and to keep it for long keeps the whole slab
 * (https://nodejs.org/api/buffer.html#static-method-bufferallocunsafeslowsize).
 */
export const inOwnMemory = (...pieces: Uint8Array[]): Buffer => {
  const bytes = Buffer.allocUnsafeSlow(pieces.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const piece of pieces) {
    bytes.set(piece, end);
    end += piece.length;
  }
  return bytes;
};
