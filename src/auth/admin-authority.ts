import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { AdminCaller } from '../contract/admin/admin-caller.ts';
import { GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { AdminSessionStore } from './admin-session-store.ts';
import { digestOf } from './digest.ts';
import type { FailureLimiter } from './failure-limiter.ts';
import { isSecretOf, type VirtualKey } from './virtual-key.ts';

export type AdminAuthorityOptions = {
  /** The key of `RIGHTSIZE_ADMIN_KEY`, or the one made at the first start. */
  adminKey: string;
  /** Finds the key of a person by its digest. @throws GatewayError `key_store_unavailable`. */
  findPerson(digest: string): Promise<VirtualKey | null>;
  sessions: AdminSessionStore;
  failures: FailureLimiter;
  clock: Pick<Clock, 'now'>;
};

export const SESSION_TTL_MS = 12 * 3_600_000;

/** Says who uses the admin API. Keys of clients are never among them, and admin keys never open inference. */
export class AdminAuthority {
  readonly #options: AdminAuthorityOptions;
  readonly #rootDigest: string;

  constructor(options: AdminAuthorityOptions) {
    this.#options = options;
    this.#rootDigest = digestOf(options.adminKey);
  }

  /**
   * @param address of the peer, whose failures are counted.
   * @throws GatewayError `invalid_api_key`; `rate_limit_exceeded` after too many of those.
   */
  async identify(key: string, address: string): Promise<AdminCaller> {
    const { failures } = this.#options;
    failures.refuseWorn(address);
    const digest = digestOf(key);
    const isPossible = isSecretOf('person', key) || isEqual(digest, this.#rootDigest);
    const caller = isPossible ? await this.#callerOf(digest) : null;
    if (caller !== null) return caller;
    failures.count(address);
    throw new GatewayError('invalid_api_key', 'Incorrect admin key.');
  }

  /**
   * Opens a session of 12 hours. `id` (256 bits, base64url) is for the cookie; only its digest is kept.
   * @throws GatewayError as `identify`.
   */
  async signIn(key: string, address: string): Promise<{ caller: AdminCaller; id: string; expiresAt: number }> {
    const caller = await this.identify(key, address);
    const id = randomBytes(32).toString('base64url');
    const expiresAt = this.#options.clock.now() + SESSION_TTL_MS;
    await this.#options.sessions.open({ idDigest: digestOf(id), keyDigest: digestOf(key), expiresAt });
    return { caller, id, expiresAt };
  }

  /** Whose session it is; null when it has ended, or its key has. */
  async resume(sessionId: string): Promise<{ caller: AdminCaller; expiresAt: number } | null> {
    const session = await this.#options.sessions.find(digestOf(sessionId));
    const caller = session && (await this.#callerOf(session.keyDigest));
    return session && caller && { caller, expiresAt: session.expiresAt };
  }

  async signOut(sessionId: string): Promise<void> {
    await this.#options.sessions.close(digestOf(sessionId));
  }

  async #callerOf(digest: string): Promise<AdminCaller | null> {
    if (isEqual(digest, this.#rootDigest)) return { role: 'admin', team: null, name: 'admin key', keyId: null };
    const key = await this.#options.findPerson(digest);
    if (key === null || key.kind === 'client') return null;
    return { role: key.kind, team: key.team, name: key.name, keyId: key.id };
  }
}

const isEqual = (digest: string, other: string): boolean =>
  timingSafeEqual(Buffer.from(digest, 'hex'), Buffer.from(other, 'hex'));
