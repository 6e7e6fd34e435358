import type { Clock } from '../lib/clock.ts';
import { type AdminSession, type AdminSessionStore, MAX_SESSIONS_PER_KEY } from './admin-session-store.ts';

/** Sessions of this process; they end with it. */
export class MemoryAdminSessionStore implements AdminSessionStore {
  readonly #clock: Pick<Clock, 'now'>;
  /** Oldest first. */
  readonly #sessions = new Map<string, AdminSession>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  async open(session: AdminSession): Promise<void> {
    const now = this.#clock.now();
    for (const { idDigest, expiresAt } of this.#sessions.values()) if (expiresAt <= now) await this.close(idDigest);
    this.#sessions.set(session.idDigest, session);
    const ofKey = [...this.#sessions.values()].filter(({ keyDigest }) => keyDigest === session.keyDigest);
    for (const { idDigest } of ofKey.slice(0, -MAX_SESSIONS_PER_KEY)) await this.close(idDigest);
  }

  async find(idDigest: string): Promise<AdminSession | null> {
    const session = this.#sessions.get(idDigest);
    return session !== undefined && session.expiresAt > this.#clock.now() ? session : null;
  }

  async close(idDigest: string): Promise<void> {
    this.#sessions.delete(idDigest);
  }
}
