import { isDeepStrictEqual } from 'node:util';
import type { AuditEntry } from '../contract/admin/audit.ts';
import type { CreateKey, UpdateKey } from '../contract/admin/keys.ts';
import { GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';
import { newId } from '../lib/id.ts';
import { digestOf } from './digest.ts';
import type { KeyRegistry, SecretChange } from './key-registry.ts';
import { keyViewOf } from './key-view.ts';
import type { TeamScope } from './team-scope.ts';
import { newSecret, type VirtualKey } from './virtual-key.ts';

/** Who makes a change, for the audit log. */
export type Actor = Pick<AuditEntry, 'actor' | 'actorKeyId' | 'via'>;

export type KeyManagerOptions = {
  registry: KeyRegistry;
  clock: Pick<Clock, 'now'>;
  /** Told of each change once it is stored; the change answers after it. Never rejects. */
  onChange(key: VirtualKey): Promise<void>;
};

type Draft = { key: VirtualKey; secret?: SecretChange };

const MAX_TRIES = 5;

/** Makes and changes keys, with an audit entry for each. A secret is given back once and never again. */
export class KeyManager {
  readonly #options: KeyManagerOptions;

  constructor(options: KeyManagerOptions) {
    this.#options = options;
  }

  /** @throws GatewayError `invalid_value` for settings that the kind of key cannot have. */
  async create(wish: CreateKey, actor: Actor): Promise<{ key: VirtualKey; secret: string }> {
    const now = this.#options.clock.now();
    const { secret, hint } = newSecret(wish.kind);
    const key = checked({
      id: newId('key', now),
      kind: wish.kind,
      name: wish.name,
      team: wish.team ?? (wish.kind === 'client' ? 'default' : null),
      hint,
      permissions: wish.permissions ?? {},
      limits: wish.limits ?? {},
      budget: wish.budget ?? null,
      tags: wish.tags ?? {},
      createdAt: now,
      expiresAt: millisecondsOf(wish.expiresAt),
      previousUntil: null,
      revokedAt: null,
      lastUsedAt: null,
      version: 1,
    });
    await this.#options.registry.create(key, digestOf(secret), this.#audit('key.create', null, key, actor));
    await this.#options.onChange(key);
    return { key, secret };
  }

  /**
   * @param expected the version that the change is meant for; without it, it is made to whatever is there.
   * @throws GatewayError `not_found`; `changed_meanwhile` when the key has another version; `invalid_value`.
   */
  update(id: string, wish: UpdateKey, actor: Actor, scope: TeamScope, expected?: number): Promise<VirtualKey> {
    const change = (key: VirtualKey): Draft => ({
      key: checked({
        ...unlessRevoked(key),
        ...(wish.name !== undefined && { name: wish.name }),
        ...(wish.team !== undefined && { team: wish.team ?? (key.kind === 'client' ? 'default' : null) }),
        ...(wish.permissions !== undefined && { permissions: wish.permissions }),
        ...(wish.limits !== undefined && { limits: wish.limits }),
        ...(wish.budget !== undefined && { budget: wish.budget }),
        ...(wish.tags !== undefined && { tags: wish.tags }),
        ...(wish.expiresAt !== undefined && { expiresAt: millisecondsOf(wish.expiresAt) }),
      }),
    });
    return this.#change('key.update', id, change, actor, scope, expected);
  }

  /** A new secret; the one before it stays valid for `overlapMs`. Errors as `update`. */
  async rotate(
    id: string,
    overlapMs: number,
    actor: Actor,
    scope: TeamScope,
  ): Promise<{ key: VirtualKey; secret: string }> {
    let made = '';
    const change = (key: VirtualKey): Draft => {
      const { secret, hint } = newSecret(unlessRevoked(key).kind);
      made = secret;
      const previousUntil = this.#options.clock.now() + overlapMs;
      return {
        key: { ...key, hint, previousUntil },
        secret: { digest: digestOf(secret), previousEndsAt: previousUntil },
      };
    };
    const key = await this.#change('key.rotate', id, change, actor, scope);
    return { key, secret: made };
  }

  /** Ends a key for good. Revoking a revoked key does nothing. @throws GatewayError `not_found`. */
  async revoke(id: string, actor: Actor, scope: TeamScope): Promise<VirtualKey> {
    const change = (key: VirtualKey): Draft => ({
      key: key.revokedAt === null ? { ...key, revokedAt: this.#options.clock.now() } : key,
    });
    return this.#change('key.revoke', id, change, actor, scope);
  }

  async #change(
    action: AuditEntry['action'],
    id: string,
    change: (key: VirtualKey) => Draft,
    actor: Actor,
    scope: TeamScope,
    expected?: number,
  ): Promise<VirtualKey> {
    const { registry, onChange } = this.#options;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const before = await registry.find(id, scope);
      if (before === null) throw new GatewayError('not_found', `No key has the id "${id}".`);
      if (expected !== undefined && expected !== before.version) break;
      const { key, secret } = change(before);
      if (isDeepStrictEqual(key, before)) return before;
      const next = { ...key, version: before.version + 1 };
      if (!(await registry.replace(next, this.#audit(action, before, next, actor), secret))) continue;
      await onChange(next);
      return next;
    }
    throw new GatewayError('changed_meanwhile', 'The key was changed meanwhile: read it again.', { param: 'if-match' });
  }

  /** Of a change only what it changed; of a new key all of it. */
  #audit(action: AuditEntry['action'], before: VirtualKey | null, after: VirtualKey, actor: Actor): AuditEntry {
    const now = this.#options.clock.now();
    const fresh: Record<string, unknown> = keyViewOf(after, now);
    const old: Record<string, unknown> = before === null ? {} : keyViewOf(before, now);
    const changed = Object.keys(fresh).filter((name) => !isDeepStrictEqual(old[name], fresh[name]));
    const pick = (view: Record<string, unknown>) => Object.fromEntries(changed.map((name) => [name, view[name]]));
    return {
      id: newId('aud', now),
      at: new Date(now).toISOString(),
      ...actor,
      action,
      target: after.id,
      before: before === null ? null : pick(old),
      after: pick(fresh),
    };
  }
}

const unlessRevoked = (key: VirtualKey): VirtualKey => {
  if (key.revokedAt === null) return key;
  throw new GatewayError('invalid_value', 'The key is revoked, and cannot be changed any more.');
};

const checked = (key: VirtualKey): VirtualKey => {
  const { kind, team, permissions, limits, budget, tags } = key;
  if (kind === 'client') return key;
  const isPlain = [permissions, limits, tags].every((part) => Object.keys(part).length === 0) && budget === null;
  if (!isPlain) {
    throw new GatewayError('invalid_value', 'Permissions, limits, budget and tags are for keys of clients alone.', {
      param: 'kind',
    });
  }
  if (kind === 'admin' && team !== null) {
    throw new GatewayError('invalid_value', 'An admin key belongs to no team; a viewer may.', { param: 'team' });
  }
  return key;
};

const millisecondsOf = (moment: string | null | undefined): number | null => (moment ? Date.parse(moment) : null);
