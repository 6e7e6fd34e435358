import { randomBytes } from 'node:crypto';
import type { KeyKind } from '../contract/admin/keys.ts';
import type { Caller } from '../contract/caller.ts';
import type { BudgetConfig, LimitsConfig } from '../contract/limits-schema.ts';
import type { Permissions } from '../contract/permissions.ts';

/** A key that we issued, without its secret. Moments are Unix milliseconds, null for never. */
export type VirtualKey = {
  /** `key_…`. */
  id: string;
  kind: KeyKind;
  name: string;
  /** Null for keys of people who see every team. */
  team: string | null;
  hint: string;
  permissions: Permissions;
  limits: LimitsConfig;
  budget: BudgetConfig | null;
  tags: Record<string, string>;
  createdAt: number;
  expiresAt: number | null;
  /** Until when the secret before the last rotation is valid. */
  previousUntil: number | null;
  revokedAt: number | null;
  lastUsedAt: number | null;
  /** 1 at first; each change counts one up. */
  version: number;
};

/** Clients' secrets begin with `rs-`, those of people with `rsa-`, so that a look tells what leaked. */
const PREFIXES: Record<KeyKind, string> = { client: 'rs-', viewer: 'rsa-', admin: 'rsa-' };
const SHOWN_CHARACTERS = 4;

/** A new secret of 256 random bits, in base64url (RFC 4648), and the part of it that may be shown later. */
export const newSecret = (kind: KeyKind): { secret: string; hint: string } => {
  const prefix = PREFIXES[kind];
  const secret = prefix + randomBytes(32).toString('base64url');
  return { secret, hint: `${secret.slice(0, prefix.length + SHOWN_CHARACTERS)}…` };
};

/** Whether it could be the secret of a key that we issued; what could not needs no look-up. */
export const isSecretOf = (kind: 'client' | 'person', text: string): boolean =>
  (kind === 'client' ? /^rs-[\w-]{43}$/ : /^rsa-[\w-]{43}$/).test(text);

export const stateOf = ({ revokedAt, expiresAt }: VirtualKey, now: number): 'active' | 'expired' | 'revoked' => {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt <= now ? 'expired' : 'active';
};

/** Whom a client's key stands for. */
export const callerOf = ({ id, team, permissions, limits, budget, tags }: VirtualKey): Caller => ({
  keyId: id,
  team: team ?? 'default',
  permissions,
  limits,
  ...(budget !== null && { budget }),
  tags,
});
