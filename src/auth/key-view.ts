import type { KeyView } from '../contract/admin/keys.ts';
import { stateOf, type VirtualKey } from './virtual-key.ts';

/** A key as people may see it. */
export const keyViewOf = (key: VirtualKey, now: number): KeyView => {
  const { id, kind, name, team, hint, permissions, limits, budget, tags, version } = key;
  return {
    id,
    kind,
    state: stateOf(key, now),
    name,
    team,
    hint,
    permissions,
    limits,
    budget,
    tags,
    createdAt: new Date(key.createdAt).toISOString(),
    expiresAt: moment(key.expiresAt),
    previousUntil: moment(key.previousUntil),
    revokedAt: moment(key.revokedAt),
    lastUsedAt: moment(key.lastUsedAt),
    version,
  };
};

const moment = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
