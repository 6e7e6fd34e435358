import { createHash } from 'node:crypto';

/**
 * SHA-256 of a key in lower-case hex. Keys are found by digest, so the time of a look-up says nothing about the key.
 */
export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
