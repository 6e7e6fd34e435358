import type { Caller } from './caller.ts';
import { digestOf } from './digest.ts';
import type { KeyStore } from './key-store.ts';

/** Keys given at start, such as the one of `RIGHTSIZE_API_KEY`; as many as are given, for the life of the process. */
export class MemoryKeyStore implements KeyStore {
  readonly #callers = new Map<string, Caller>();

  constructor(keys: { secret: string; caller: Caller }[]) {
    for (const { secret, caller } of keys) this.#callers.set(digestOf(secret), caller);
  }

  isKeyRequired(): boolean {
    return this.#callers.size > 0;
  }

  async findByDigest(digest: string): Promise<Caller | null> {
    return this.#callers.get(digest) ?? null;
  }
}
