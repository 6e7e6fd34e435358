import type { VirtualKey } from '../../src/auth/virtual-key.ts';
import type { AuditEntry } from '../../src/contract/admin/audit.ts';
import { newId } from '../../src/lib/id.ts';

export const NOW = 1_760_000_000_000;

export const sampleKey = (changes: Partial<VirtualKey> = {}): VirtualKey => ({
  id: newId('key', NOW),
  kind: 'client',
  name: 'Ada',
  team: 'research',
  hint: 'rs-AbCd…',
  permissions: { tiers: ['small'] },
  limits: { requestsPerMinute: 10 },
  budget: { usd: 5, per: 'day', timeZone: 'UTC', onExceeded: 'reject', unknownPrice: 'reject' },
  tags: { project: 'x' },
  createdAt: NOW,
  expiresAt: null,
  previousUntil: null,
  revokedAt: null,
  lastUsedAt: null,
  version: 1,
  ...changes,
});

let audits = 0;
export const sampleAudit = (changes: Partial<AuditEntry> = {}): AuditEntry => ({
  id: newId('aud', NOW + audits++),
  at: new Date(NOW).toISOString(),
  actor: 'admin key',
  actorKeyId: null,
  via: 'api',
  action: 'key.create',
  target: 'key_1',
  before: null,
  after: { name: 'Ada' },
  ...changes,
});
