/**
 * Entries by request, attempts apart so that cost is attributable to each model. STRICT and NOT NULL: a wrong row is
 * refused, not stored. Times are milliseconds, money is nano-USD.
 */
export const entries = `
CREATE TABLE entries (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  endpoint TEXT NOT NULL,
  team TEXT NOT NULL,
  key_id TEXT,
  requested_model TEXT,
  route TEXT,
  tier TEXT,
  upstream TEXT,
  model TEXT,
  difficulty REAL,
  reason TEXT NOT NULL,
  config_version TEXT NOT NULL,
  classifier_version TEXT,
  is_stream INTEGER NOT NULL,
  cache TEXT NOT NULL,
  outcome TEXT NOT NULL,
  status INTEGER NOT NULL,
  error_code TEXT,
  prompt_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  is_estimated INTEGER NOT NULL,
  cost_nano_usd INTEGER,
  saved_nano_usd INTEGER,
  first_token_ms REAL,
  total_ms REAL NOT NULL,
  overhead_ms REAL NOT NULL
) STRICT;

CREATE INDEX entries_by_time ON entries (at);

CREATE TABLE attempts (
  entry_id TEXT NOT NULL REFERENCES entries (id),
  position INTEGER NOT NULL,
  tier TEXT NOT NULL,
  upstream TEXT NOT NULL,
  model TEXT NOT NULL,
  outcome TEXT NOT NULL,
  error_code TEXT,
  upstream_status INTEGER,
  prompt_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  is_estimated INTEGER NOT NULL,
  cost_nano_usd INTEGER,
  price_version TEXT,
  first_token_ms REAL,
  total_ms REAL NOT NULL,
  PRIMARY KEY (entry_id, position)
) STRICT, WITHOUT ROWID;
`;
