import type { Caller } from '../contract/caller.ts';
import { GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { KeyCache } from './key-cache.ts';
import type { FoundKey, KeyRegistry } from './key-registry.ts';
import type { KeyStore } from './key-store.ts';
import { callerOf, stateOf, type VirtualKey } from './virtual-key.ts';

export type KeyDirectoryOptions = {
  /** Callers by the digest of a key that is no virtual one, such as that of `RIGHTSIZE_API_KEY`. */
  fixed: ReadonlyMap<string, Caller>;
  registry: KeyRegistry;
  /** How long a key that was found is taken to be as it was; 0 to look up every time. */
  maxAgeMs: number;
  /** True where others can reach the gateway: then callers need a key even while none exists. */
  isAlwaysRequired: boolean;
  clock: Clock;
  logger: Pick<Logger, 'warn'>;
};

/** How often to look whether somebody has made the first key. */
const LOOK_EVERY_MS = 1_000;
/** How often it is written when keys were last used. */
const TOUCH_EVERY_MS = 60_000;
/** Keys whose last use waits to be written; beyond it uses are not noted. */
const MAX_TOUCHED = 10_000;

/** Finds who presents a key, in the registry or among the fixed ones. */
export class KeyDirectory implements KeyStore {
  readonly #options: KeyDirectoryOptions;
  readonly #cache: KeyCache;
  readonly #underWay = new Map<string, Promise<FoundKey | null>>();
  #isAnyKey: boolean;
  #touched = new Map<string, number>();
  #cancelLook = () => {};
  #cancelTouch = () => {};

  constructor(options: KeyDirectoryOptions) {
    this.#options = options;
    this.#cache = new KeyCache(options.clock, options.maxAgeMs);
    // Until the registry has said that there is no key, there may be one.
    this.#isAnyKey = true;
  }

  /** Looks whether there is any key, now and, until there is, every second. @returns null when that cannot be found out. */
  async start(): Promise<boolean | null> {
    if (this.#options.fixed.size > 0) return true;
    const found = await this.#options.registry.hasEver('client').catch(() => null);
    this.#isAnyKey = found ?? true;
    if (found !== true) this.#lookAgain();
    return found;
  }

  isKeyRequired(): boolean {
    return this.#options.isAlwaysRequired || this.#isAnyKey;
  }

  /** @throws GatewayError `key_store_unavailable` when it cannot be looked up, and was not lately. */
  async findByDigest(digest: string): Promise<Caller | null> {
    const fixed = this.#options.fixed.get(digest);
    if (fixed !== undefined) return fixed;
    const key = await this.#active(digest);
    return key?.kind === 'client' ? callerOf(key) : null;
  }

  /** The key of a person, for the admin API; errors as `findByDigest`. */
  async findPerson(digest: string): Promise<VirtualKey | null> {
    const key = await this.#active(digest);
    return key === null || key.kind === 'client' ? null : key;
  }

  /** A key was made or has changed, here or elsewhere: what is older than `version` is forgotten at once. */
  async changed(id: string, version: number): Promise<void> {
    this.#cache.forget(id, version);
    if (!this.#isAnyKey) await this.start();
  }

  /** News of changes may have been missed. */
  missedNews(): void {
    this.#cache.forgetAll();
  }

  /** Writes what is left of last uses. */
  async close(): Promise<void> {
    this.#cancelLook();
    this.#cancelTouch();
    await this.#writeTouched();
  }

  async #active(digest: string): Promise<VirtualKey | null> {
    const found = this.#cache.fresh(digest) ?? (await this.#lookUpOnce(digest));
    if (found === null) return null;
    const now = this.#options.clock.now();
    if (stateOf(found.key, now) !== 'active') return null;
    if (found.secretEndsAt !== null && found.secretEndsAt <= now) return null;
    this.#touch(found.key.id, now);
    return found.key;
  }

  #lookUpOnce(digest: string): Promise<FoundKey | null> {
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) return underWay;
    const lookUp = this.#lookUp(digest).finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, lookUp);
    return lookUp;
  }

  async #lookUp(digest: string): Promise<FoundKey | null> {
    let cause: unknown;
    // What was read while news came of a later version is read again; a replica may lag behind for a moment.
    for (let tries = 0; tries < 3; tries++) {
      const { epoch } = this.#cache;
      try {
        const found = await this.#options.registry.findByDigest(digest);
        if (this.#cache.admit(digest, found, epoch)) return found;
      } catch (error) {
        const known = this.#cache.lastKnown(digest);
        if (known !== null) return known;
        cause = error;
        break;
      }
    }
    throw new GatewayError('key_store_unavailable', 'Keys cannot be looked up now. Please try again.', {
      retryAfterSeconds: 5,
      cause,
    });
  }

  #lookAgain(): void {
    this.#cancelLook();
    this.#cancelLook = this.#options.clock.after(LOOK_EVERY_MS, () => void this.start());
  }

  #touch(id: string, now: number): void {
    if (this.#touched.size === 0) {
      this.#cancelTouch = this.#options.clock.after(TOUCH_EVERY_MS, () => void this.#writeTouched());
    }
    if (this.#touched.size < MAX_TOUCHED || this.#touched.has(id)) this.#touched.set(id, now);
  }

  async #writeTouched(): Promise<void> {
    const touched = this.#touched;
    this.#touched = new Map();
    if (touched.size === 0) return;
    await this.#options.registry
      .touch(touched)
      .catch((error: unknown) => this.#options.logger.warn({ err: error }, 'the last use of keys could not be noted'));
  }
}
