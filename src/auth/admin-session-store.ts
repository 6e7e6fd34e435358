/** A signed-in browser. Both digests are SHA-256 in lower-case hex: neither the cookie nor the key is kept. */
export type AdminSession = {
  idDigest: string;
  /** Of the admin key it was opened with; what that key may do is looked up anew with each request. */
  keyDigest: string;
  /** Unix milliseconds. */
  expiresAt: number;
};

/** Sessions of one key; beyond it the oldest end. */
export const MAX_SESSIONS_PER_KEY = 50;

/** Port: sessions of the dashboard. Expired ones are never given back. */
export interface AdminSessionStore {
  open(session: AdminSession): Promise<void>;
  find(idDigest: string): Promise<AdminSession | null>;
  close(idDigest: string): Promise<void>;
}
