import { clientRequestId } from './0004-client-request-id.ts';

const TOKENS = `
  prompt_tokens BIGINT NOT NULL,
  cached_tokens BIGINT NOT NULL,
  cache_write_tokens BIGINT NOT NULL,
  audio_prompt_tokens BIGINT NOT NULL,
  completion_tokens BIGINT NOT NULL,
  reasoning_tokens BIGINT NOT NULL,
  audio_completion_tokens BIGINT NOT NULL,
  is_estimated SMALLINT NOT NULL`;

const SUMS = `
  requests BIGINT NOT NULL,
  streamed BIGINT NOT NULL,
  escalated BIGINT NOT NULL,
  fell_back BIGINT NOT NULL,
  estimated BIGINT NOT NULL,
  unknown_costs BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  prompt_tokens BIGINT NOT NULL,
  cached_tokens BIGINT NOT NULL,
  completion_tokens BIGINT NOT NULL,
  cost_nano_usd BIGINT NOT NULL,
  baseline_nano_usd BIGINT NOT NULL,
  saved_nano_usd BIGINT NOT NULL,
  full_saved_nano_usd BIGINT NOT NULL,
  cache_saved_nano_usd BIGINT NOT NULL,
  waste_nano_usd BIGINT NOT NULL,
  hardware_nano_usd BIGINT NOT NULL,
  energy_wh DOUBLE PRECISION NOT NULL,
  histogram BYTEA NOT NULL`;

/**
 * The ledger's tables as SQLite has them after its third step. Names sort by bytes (COLLATE "C"), so that pages follow
 * the same order in both.
 */
const tables = `
CREATE TABLE entries (
  id TEXT COLLATE "C" NOT NULL,
  at BIGINT NOT NULL,
  endpoint TEXT NOT NULL,
  team TEXT NOT NULL,
  key_id TEXT,
  requested_model TEXT,
  route TEXT,
  tier TEXT,
  upstream TEXT,
  model TEXT,
  difficulty DOUBLE PRECISION,
  reason TEXT NOT NULL,
  config_version TEXT NOT NULL,
  classifier_version TEXT,
  is_stream SMALLINT NOT NULL,
  cache TEXT NOT NULL,
  outcome TEXT NOT NULL,
  status INTEGER NOT NULL,
  error_code TEXT,${TOKENS},
  cost_nano_usd BIGINT,
  saved_nano_usd BIGINT,
  first_token_ms DOUBLE PRECISION,
  total_ms DOUBLE PRECISION NOT NULL,
  overhead_ms DOUBLE PRECISION NOT NULL,
  baseline_upstream TEXT,
  baseline_model TEXT,
  baseline_nano_usd BIGINT,
  hardware_nano_usd BIGINT,
  full_saved_nano_usd BIGINT,
  energy_wh DOUBLE PRECISION,
  waste_nano_usd BIGINT NOT NULL,
  tags TEXT NOT NULL,
  decision TEXT,
  request TEXT,
  cache_entry TEXT,
  PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX entries_by_time ON entries (at);
CREATE INDEX entries_by_team ON entries (team, at);

CREATE TABLE attempts (
  entry_id TEXT COLLATE "C" NOT NULL,
  position INTEGER NOT NULL,
  at BIGINT NOT NULL,
  tier TEXT NOT NULL,
  upstream TEXT NOT NULL,
  model TEXT NOT NULL,
  outcome TEXT NOT NULL,
  error_code TEXT,
  upstream_status INTEGER,${TOKENS},
  cost_nano_usd BIGINT,
  price_version TEXT,
  first_token_ms DOUBLE PRECISION,
  total_ms DOUBLE PRECISION NOT NULL,
  is_shown SMALLINT NOT NULL,
  input_nano_usd BIGINT,
  cached_input_nano_usd BIGINT,
  cache_write_nano_usd BIGINT,
  output_nano_usd BIGINT,
  reasoning_nano_usd BIGINT,
  hardware_nano_usd BIGINT,
  energy_wh DOUBLE PRECISION,
  started_ms DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (entry_id, position, at)
) PARTITION BY RANGE (at);

CREATE TABLE rollups (
  step TEXT NOT NULL,
  at BIGINT NOT NULL,
  team TEXT NOT NULL,
  key_id TEXT NOT NULL,
  route TEXT NOT NULL,
  tier TEXT NOT NULL,
  upstream TEXT NOT NULL,
  model TEXT NOT NULL,
  cache TEXT NOT NULL,
  outcome TEXT NOT NULL,${SUMS},
  PRIMARY KEY (step, at, team, key_id, route, tier, upstream, model, cache, outcome)
);

CREATE TABLE tag_rollups (
  step TEXT NOT NULL,
  at BIGINT NOT NULL,
  team TEXT NOT NULL,
  tag TEXT NOT NULL,
  value TEXT NOT NULL,
  cache TEXT NOT NULL,
  outcome TEXT NOT NULL,${SUMS},
  PRIMARY KEY (step, at, team, tag, value, cache, outcome)
);
`;

/** In order and never edited once released. */
export const POSTGRES_LEDGER = [tables, clientRequestId];
