import type { AuditEntry } from '../contract/admin/audit.ts';
import type { KeyKind } from '../contract/admin/keys.ts';
import type { SqlDatabase, SqlStatement, SqlValue } from '../lib/sql-database.ts';
import type { FoundKey, KeyRegistry, SecretChange } from './key-registry.ts';
import type { TeamScope } from './team-scope.ts';
import type { VirtualKey } from './virtual-key.ts';

type Row = Record<string, SqlValue>;

/** Secrets of one key that may be valid at the same time: more rotations within an overlap end the oldest. */
const MAX_SECRETS = 5;

const COLUMNS = [
  ...['id', 'kind', 'name', 'team', 'hint', 'permissions', 'limits', 'budget', 'tags'],
  ...['created_at', 'expires_at', 'previous_until', 'revoked_at', 'last_used_at', 'version'],
];
const AUDIT_COLUMNS = ['id', 'at', 'actor', 'actor_key_id', 'via', 'action', 'target', 'before', 'after'];
const places = (columns: string[]) => columns.map((_, index) => `$${index + 1}`).join(', ');

const INSERT_KEY = `INSERT INTO rightsize_keys (${COLUMNS}) VALUES (${places(COLUMNS)})`;
const INSERT_DIGEST = 'INSERT INTO rightsize_key_digests (digest, key_id, ends_at) VALUES ($1, $2, NULL)';
const INSERT_AUDIT = `INSERT INTO rightsize_audit (${AUDIT_COLUMNS}) VALUES (${places(AUDIT_COLUMNS)})`;
/** What never changes (`id`, `kind`, `created_at`) and what is written apart (`last_used_at`) is left alone. */
const UPDATE_KEY = `UPDATE rightsize_keys SET name = $2, team = $3, hint = $4, permissions = $5, limits = $6, budget = $7,
  tags = $8, expires_at = $9, previous_until = $10, revoked_at = $11, version = $12 WHERE id = $1 AND version + 1 = $12`;
const END_DIGESTS = `UPDATE rightsize_key_digests SET ends_at = $2
  WHERE key_id = $1 AND (ends_at IS NULL OR ends_at > $2)`;
/** Keeps those that end last. */
const PRUNE_DIGESTS = `DELETE FROM rightsize_key_digests WHERE key_id = $1 AND ends_at IS NOT NULL AND digest NOT IN (
  SELECT digest FROM rightsize_key_digests WHERE key_id = $1 AND ends_at IS NOT NULL
  ORDER BY ends_at DESC, digest LIMIT ${MAX_SECRETS - 1})`;
const FIND = `SELECT ${COLUMNS} FROM rightsize_keys WHERE id = $1 AND (CAST($2 AS TEXT) IS NULL OR team = $2)`;
const FIND_BY_DIGEST = `SELECT ${COLUMNS.map((name) => `k.${name}`)}, d.ends_at FROM rightsize_key_digests d
  JOIN rightsize_keys k ON k.id = d.key_id WHERE d.digest = $1`;
const LIST = `SELECT ${COLUMNS} FROM rightsize_keys WHERE (CAST($1 AS TEXT) IS NULL OR team = $1) ORDER BY created_at DESC, id DESC LIMIT $2`;
const HAS_EVER = 'SELECT 1 AS one FROM rightsize_keys WHERE kind = $1 LIMIT 1';
const TOUCH =
  'UPDATE rightsize_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)';
const AUDIT = `SELECT ${AUDIT_COLUMNS} FROM rightsize_audit WHERE (CAST($1 AS TEXT) IS NULL OR id < $1) ORDER BY id DESC LIMIT $2`;

/** Keys in SQLite, which the processes of one machine share, or in Postgres, which many machines do. */
export class SqlKeyRegistry implements KeyRegistry {
  readonly #database: SqlDatabase;

  /** @param database with the tables of `key-tables.ts`. */
  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async create(key: VirtualKey, digest: string, audit: AuditEntry): Promise<void> {
    await this.#database.write([
      { text: INSERT_KEY, values: keyValues(key) },
      { text: INSERT_DIGEST, values: [digest, key.id] },
      auditStatement(audit),
    ]);
  }

  replace(key: VirtualKey, audit: AuditEntry, secret?: SecretChange): Promise<boolean> {
    const { id, name, team, hint, expiresAt, previousUntil, revokedAt, version } = key;
    const [permissions, limits, budget, tags] = settingsOf(key);
    const statements: SqlStatement[] = [
      {
        text: UPDATE_KEY,
        values: [id, name, team, hint, permissions, limits, budget, tags, expiresAt, previousUntil, revokedAt, version],
        mustMatch: true,
      },
    ];
    if (secret !== undefined) {
      statements.push(
        { text: END_DIGESTS, values: [id, secret.previousEndsAt] },
        { text: PRUNE_DIGESTS, values: [id] },
        { text: INSERT_DIGEST, values: [secret.digest, id] },
      );
    }
    return this.#database.write([...statements, auditStatement(audit)]);
  }

  async find(id: string, scope: TeamScope): Promise<VirtualKey | null> {
    const [row] = await this.#database.query<Row>(FIND, [id, scope.team]);
    return row === undefined ? null : keyOf(row);
  }

  async findByDigest(digest: string): Promise<FoundKey | null> {
    const [row] = await this.#database.query<Row>(FIND_BY_DIGEST, [digest]);
    return row === undefined ? null : { key: keyOf(row), secretEndsAt: row['ends_at'] as number | null };
  }

  async list({ scope, limit }: { scope: TeamScope; limit: number }): Promise<VirtualKey[]> {
    return (await this.#database.query<Row>(LIST, [scope.team, limit])).map(keyOf);
  }

  async hasEver(kind: KeyKind): Promise<boolean> {
    return (await this.#database.query(HAS_EVER, [kind])).length > 0;
  }

  async touch(uses: ReadonlyMap<string, number>): Promise<void> {
    await this.#database.write([...uses].map(([id, at]) => ({ text: TOUCH, values: [id, at] })));
  }

  async appendAudit(entry: AuditEntry): Promise<void> {
    await this.#database.write([auditStatement(entry)]);
  }

  async audit({ limit, before }: { limit: number; before?: string }): Promise<AuditEntry[]> {
    return (await this.#database.query<Row>(AUDIT, [before ?? null, limit])).map(auditOf);
  }
}

const settingsOf = ({ permissions, limits, budget, tags }: VirtualKey): [string, string, string, string] => [
  JSON.stringify(permissions),
  JSON.stringify(limits),
  JSON.stringify(budget),
  JSON.stringify(tags),
];

const keyValues = (key: VirtualKey): SqlValue[] => [
  ...[key.id, key.kind, key.name, key.team, key.hint, ...settingsOf(key)],
  ...[key.createdAt, key.expiresAt, key.previousUntil, key.revokedAt, key.lastUsedAt, key.version],
];

const keyOf = (row: Row): VirtualKey => ({
  id: row['id'] as string,
  kind: row['kind'] as KeyKind,
  name: row['name'] as string,
  team: row['team'] as string | null,
  hint: row['hint'] as string,
  permissions: JSON.parse(row['permissions'] as string),
  limits: JSON.parse(row['limits'] as string),
  budget: JSON.parse(row['budget'] as string),
  tags: JSON.parse(row['tags'] as string),
  createdAt: row['created_at'] as number,
  expiresAt: row['expires_at'] as number | null,
  previousUntil: row['previous_until'] as number | null,
  revokedAt: row['revoked_at'] as number | null,
  lastUsedAt: row['last_used_at'] as number | null,
  version: row['version'] as number,
});

const auditStatement = (entry: AuditEntry): SqlStatement => ({
  text: INSERT_AUDIT,
  values: [
    ...[entry.id, Date.parse(entry.at), entry.actor, entry.actorKeyId, entry.via, entry.action, entry.target],
    ...[JSON.stringify(entry.before), JSON.stringify(entry.after)],
  ],
});

const auditOf = (row: Row): AuditEntry => ({
  id: row['id'] as string,
  at: new Date(row['at'] as number).toISOString(),
  actor: row['actor'] as string,
  actorKeyId: row['actor_key_id'] as string | null,
  via: row['via'] as AuditEntry['via'],
  action: row['action'] as AuditEntry['action'],
  target: row['target'] as string,
  before: JSON.parse(row['before'] as string),
  after: JSON.parse(row['after'] as string),
});
