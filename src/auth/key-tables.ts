/**
 * The tables of keys, sessions and the audit log. SQLite and Postgres name large whole numbers differently, and keep the
 * audit log from being changed in their own way. Keys themselves are in no table: only their SHA-256.
 */
const tables = (integer: string, suffix: string): string => `
CREATE TABLE rightsize_keys (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  team TEXT,
  hint TEXT NOT NULL,
  permissions TEXT NOT NULL,
  limits TEXT NOT NULL,
  budget TEXT NOT NULL,
  tags TEXT NOT NULL,
  created_at ${integer} NOT NULL,
  expires_at ${integer},
  previous_until ${integer},
  revoked_at ${integer},
  last_used_at ${integer},
  version ${integer} NOT NULL
)${suffix};

CREATE TABLE rightsize_key_digests (
  digest TEXT PRIMARY KEY,
  key_id TEXT NOT NULL REFERENCES rightsize_keys (id),
  ends_at ${integer}
)${suffix};

CREATE INDEX rightsize_key_digests_by_key ON rightsize_key_digests (key_id);

CREATE TABLE rightsize_admin_sessions (
  id_digest TEXT PRIMARY KEY,
  key_digest TEXT NOT NULL,
  expires_at ${integer} NOT NULL
)${suffix};

CREATE INDEX rightsize_admin_sessions_by_key ON rightsize_admin_sessions (key_digest, expires_at);

CREATE TABLE rightsize_audit (
  id TEXT PRIMARY KEY,
  at ${integer} NOT NULL,
  actor TEXT NOT NULL,
  actor_key_id TEXT,
  via TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL
)${suffix};
`;

export const SQLITE_KEY_TABLES: readonly string[] = [
  `${tables('INTEGER', ' STRICT')}
CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON rightsize_audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON rightsize_audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
`,
];

export const POSTGRES_KEY_TABLES: readonly string[] = [
  `${tables('BIGINT', '')}
CREATE FUNCTION rightsize_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rightsize_audit
FOR EACH STATEMENT EXECUTE FUNCTION rightsize_audit_is_append_only();
`,
];
