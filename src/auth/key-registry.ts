import type { AuditEntry } from '../contract/admin/audit.ts';
import type { KeyKind } from '../contract/admin/keys.ts';
import type { TeamScope } from './team-scope.ts';
import type { VirtualKey } from './virtual-key.ts';

/** A key found by one of its secrets; `secretEndsAt` null while the secret is not being replaced. */
export type FoundKey = { key: VirtualKey; secretEndsAt: number | null };

/** A secret that joins or, with its first use as `previousEndsAt`, replaces those that a key has. */
export type SecretChange = { digest: string; previousEndsAt: number };

/**
 * Where keys are kept. Secrets come as SHA-256 digests in lower-case hex. Each change and its audit entry are stored
 * together or not at all. Every call rejects when the store cannot be reached in time.
 */
export interface KeyRegistry {
  create(key: VirtualKey, digest: string, audit: AuditEntry): Promise<void>;
  /**
   * Stores a changed key, whose `version` is one above that of the key it was made from.
   * @returns false, with nothing done, when somebody else has changed it meanwhile.
   */
  replace(key: VirtualKey, audit: AuditEntry, secret?: SecretChange): Promise<boolean>;
  find(id: string, scope: TeamScope): Promise<VirtualKey | null>;
  /** Revoked and expired keys too: the caller decides what that means. */
  findByDigest(digest: string): Promise<FoundKey | null>;
  /** Newest first, at most `limit`. */
  list(query: { scope: TeamScope; limit: number }): Promise<VirtualKey[]>;
  /** Whether there has ever been a key of the kind: a revoked one counts, so that revoking the last opens nothing. */
  hasEver(kind: KeyKind): Promise<boolean>;
  /** Notes when keys were last used, by their ids; no change of the key, and no audit. */
  touch(uses: ReadonlyMap<string, number>): Promise<void>;
  appendAudit(entry: AuditEntry): Promise<void>;
  /** Newest first; only entries older than the one with the id `before`, where it is given. */
  audit(query: { limit: number; before?: string }): Promise<AuditEntry[]>;
}
