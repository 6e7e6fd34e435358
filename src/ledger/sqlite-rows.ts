import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { AttemptRecord, LedgerEntry } from '../contract/ledger-entry.ts';

/** A row as bound to and read from SQLite: the properties of an entry or attempt, flat, booleans as 0 and 1. */
export type Row = Record<string, SQLOutputValue>;

const TOKENS = [
  ...['promptTokens', 'cachedTokens', 'cacheWriteTokens', 'audioPromptTokens'],
  ...['completionTokens', 'reasoningTokens', 'audioCompletionTokens', 'isEstimated'],
];
const SPLIT = ['inputNanoUsd', 'cachedInputNanoUsd', 'cacheWriteNanoUsd', 'outputNanoUsd', 'reasoningNanoUsd'];
/** Objects that only one entry's own page reads, as JSON. */
const JSON_COLUMNS = ['tags', 'decision', 'request', 'cacheEntry'] as const;

const ENTRY = [
  ...['id', 'at', 'endpoint', 'team', 'keyId', 'requestedModel', 'route', 'tier', 'upstream', 'model', 'difficulty'],
  ...['reason', 'configVersion', 'classifierVersion', 'isStream', 'cache', 'outcome', 'status', 'errorCode', ...TOKENS],
  ...['costNanoUsd', 'savedNanoUsd', 'firstTokenMs', 'totalMs', 'overheadMs', 'baselineUpstream', 'baselineModel'],
  ...['baselineNanoUsd', 'hardwareNanoUsd', 'fullSavedNanoUsd', 'energyWh', 'wasteNanoUsd', 'clientRequestId'],
  ...JSON_COLUMNS,
];

const ATTEMPT = [
  ...['entryId', 'position', 'tier', 'upstream', 'model', 'outcome', 'errorCode', 'upstreamStatus', ...TOKENS],
  ...['costNanoUsd', 'priceVersion', 'firstTokenMs', 'totalMs', 'isShown', ...SPLIT, 'hardwareNanoUsd', 'energyWh'],
  ...['startedMs'],
];

export const columnOf = (property: string) => property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const insertInto = (table: string, properties: string[]) =>
  `INSERT INTO ${table} (${properties.map(columnOf)}) VALUES (${properties.map(() => '?')})`;
const selectFrom = (table: string, properties: string[]) =>
  `SELECT ${properties.map((property) => `${columnOf(property)} AS "${property}"`)} FROM ${table}`;

/** Properties in the order of `entryValues` and `attemptValues`. */
export const ENTRY_COLUMNS: readonly string[] = ENTRY;
export const ATTEMPT_COLUMNS: readonly string[] = ATTEMPT;

/** `ON CONFLICT (id)` and not `OR IGNORE`, which would also drop rows that break NOT NULL without a word. */
export const INSERT_ENTRY = `${insertInto('entries', ENTRY)} ON CONFLICT (id) DO NOTHING`;
export const INSERT_ATTEMPT = insertInto('attempts', ATTEMPT);
/** Without a condition. */
export const SELECT_ALL_ENTRIES = selectFrom('entries', ENTRY);
/** What roll-ups read of an entry: no JSON, which takes longer to read than all the rest. */
export const SELECT_LEAN_ENTRIES = selectFrom(
  'entries',
  ENTRY.filter((property) => !(JSON_COLUMNS as readonly string[]).includes(property)),
);
export const SELECT_ALL_ATTEMPTS = selectFrom('attempts', ATTEMPT);
export const SELECT_ENTRIES = `${selectFrom('entries', ENTRY)} WHERE at >= ? ORDER BY at DESC, id DESC LIMIT ?`;
export const SELECT_ATTEMPTS = `${selectFrom('attempts', ATTEMPT)} WHERE entry_id = ? ORDER BY position`;

/** Every entry, oldest first, one at a time. */
export function* readEntries(database: DatabaseSync): Generator<LedgerEntry> {
  const attempts = database.prepare(SELECT_ATTEMPTS);
  for (const row of database.prepare(`${selectFrom('entries', ENTRY)} ORDER BY at`).iterate()) {
    yield entryOf(row as Row, attempts.all(row['id'] ?? null));
  }
}

/** Values for INSERT_ENTRY. */
export const entryValues = (entry: LedgerEntry): SQLInputValue[] =>
  valuesOf(ENTRY, { ...entry, ...entry.tokens, ...jsonOf(entry) });

/** Values for INSERT_ATTEMPT. */
export const attemptValues = (entryId: string, position: number, attempt: AttemptRecord): SQLInputValue[] =>
  valuesOf(ATTEMPT, { ...attempt, ...attempt.tokens, ...(attempt.costSplit ?? UNKNOWN_SPLIT), entryId, position });

const UNKNOWN_SPLIT = Object.fromEntries(SPLIT.map((property) => [property, null]));

const jsonOf = (entry: LedgerEntry): Record<string, string | null> =>
  Object.fromEntries(JSON_COLUMNS.map((name) => [name, entry[name] === null ? null : JSON.stringify(entry[name])]));

/** What stands in entries and attempts as it stands in their rows. */
const PLAIN_ENTRY = ENTRY.filter((name) => ![...TOKENS, ...JSON_COLUMNS].includes(name));
const PLAIN_ATTEMPT = ATTEMPT.filter((name) => ![...TOKENS, ...SPLIT, 'entryId', 'position'].includes(name));

/** The rows were written from these types, and the tables are STRICT, so they are taken at their word. */
export const entryOf = (row: Row, attempts: Row[]): LedgerEntry => {
  const entry = picked(row, PLAIN_ENTRY);
  for (const name of JSON_COLUMNS) entry[name] = row[name] == null ? null : JSON.parse(String(row[name]));
  entry['isStream'] = row['isStream'] === 1;
  entry['tokens'] = tokensOf(row);
  entry['attempts'] = attempts.map(attemptOf);
  return entry as LedgerEntry;
};

const attemptOf = (row: Row): AttemptRecord => {
  const attempt = picked(row, PLAIN_ATTEMPT);
  attempt['isShown'] = row['isShown'] === 1;
  attempt['tokens'] = tokensOf(row);
  attempt['costSplit'] = row['inputNanoUsd'] === null ? null : picked(row, SPLIT);
  return attempt as AttemptRecord;
};

const tokensOf = (row: Row): object => {
  const tokens = picked(row, TOKENS);
  tokens['isEstimated'] = row['isEstimated'] === 1;
  return tokens;
};

/** A plain loop: reports read thousands of rows. */
const picked = (row: Row, properties: readonly string[]): Record<string, unknown> => {
  const object: Record<string, unknown> = {};
  for (const property of properties) object[property] = row[property];
  return object;
};

const valuesOf = (properties: string[], record: object): SQLInputValue[] =>
  properties.map((property) => {
    const value = (record as Record<string, unknown>)[property];
    return typeof value === 'boolean' ? Number(value) : (value as SQLInputValue);
  });
