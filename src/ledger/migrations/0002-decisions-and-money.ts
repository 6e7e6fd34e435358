/**
 * What a decision turned on, tags, and money in full: by class of tokens, what the baseline would have cost, one's own
 * hardware and energy, and what nobody was shown. Rows from before read as: nothing known, the last attempt shown.
 */
export const decisionsAndMoney = `
ALTER TABLE entries ADD COLUMN cache_write_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN audio_prompt_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN audio_completion_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN baseline_upstream TEXT;
ALTER TABLE entries ADD COLUMN baseline_model TEXT;
ALTER TABLE entries ADD COLUMN baseline_nano_usd INTEGER;
ALTER TABLE entries ADD COLUMN hardware_nano_usd INTEGER;
ALTER TABLE entries ADD COLUMN full_saved_nano_usd INTEGER;
ALTER TABLE entries ADD COLUMN energy_wh REAL;
ALTER TABLE entries ADD COLUMN waste_nano_usd INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
ALTER TABLE entries ADD COLUMN decision TEXT;
ALTER TABLE entries ADD COLUMN request TEXT;
ALTER TABLE entries ADD COLUMN cache_entry TEXT;

ALTER TABLE attempts ADD COLUMN cache_write_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN audio_prompt_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN audio_completion_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN is_shown INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN input_nano_usd INTEGER;
ALTER TABLE attempts ADD COLUMN cached_input_nano_usd INTEGER;
ALTER TABLE attempts ADD COLUMN cache_write_nano_usd INTEGER;
ALTER TABLE attempts ADD COLUMN output_nano_usd INTEGER;
ALTER TABLE attempts ADD COLUMN reasoning_nano_usd INTEGER;
ALTER TABLE attempts ADD COLUMN hardware_nano_usd INTEGER;
ALTER TABLE attempts ADD COLUMN energy_wh REAL;
ALTER TABLE attempts ADD COLUMN started_ms REAL NOT NULL DEFAULT 0;

UPDATE attempts SET is_shown = 1 WHERE outcome = 'ok';
`;
