import { createHash } from 'node:crypto';

/** The version of a routes.yaml: the first 12 hex digits of the SHA-256 of its bytes. */
export const versionOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 12);
