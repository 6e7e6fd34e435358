import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Whether an `authorization` header is `Bearer <key>`. Both sides are hashed first, so that the time it takes depends
 * neither on the key's length nor on how much of it was guessed.
 */
export const carriesKey = (authorization: string | undefined, key: string): boolean =>
  timingSafeEqual(digest(authorization?.replace(/^Bearer /i, '') ?? ''), digest(key));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
