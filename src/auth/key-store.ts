import type { Caller } from '../contract/caller.ts';

/** Port: the keys that callers may present. Secrets are kept only as SHA-256 digests, in lower-case hex. */
export interface KeyStore {
  /** False while no key exists at all: then callers need none. */
  isKeyRequired(): boolean;
  /** The owner of the key with this digest, or null. */
  findByDigest(digest: string): Promise<Caller | null>;
}
