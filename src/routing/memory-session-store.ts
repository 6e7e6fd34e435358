import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import type { SessionState, SessionStore } from './session.ts';

/** Sessions remembered at the same time; the least recently used is forgotten first. */
const MAX_SESSIONS = 50_000;

/** Remembers sessions in this process. */
export class MemorySessionStore implements SessionStore {
  readonly #clock: Clock;
  readonly #sessions = new LRUCache<string, { state: SessionState; expiresAt: number }>({ max: MAX_SESSIONS });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async get(key: string): Promise<SessionState | null> {
    const session = this.#sessions.get(key);
    return session !== undefined && session.expiresAt > this.#clock.now() ? session.state : null;
  }

  async set(key: string, state: SessionState, ttlMs: number): Promise<void> {
    this.#sessions.set(key, { state, expiresAt: this.#clock.now() + ttlMs });
  }
}
