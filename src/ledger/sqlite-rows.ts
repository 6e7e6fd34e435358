import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { AttemptRecord, LedgerEntry, TokenCounts } from '../contract/ledger-entry.ts';

/** A row as bound to and read from SQLite: the properties of an entry or attempt, flat, booleans as 0 and 1. */
type Row = Record<string, SQLOutputValue>;

const TOKENS = ['promptTokens', 'cachedTokens', 'completionTokens', 'reasoningTokens', 'isEstimated'];

const ENTRY = [
  ...['id', 'at', 'endpoint', 'team', 'keyId', 'requestedModel', 'route', 'tier', 'upstream', 'model', 'difficulty'],
  ...['reason', 'configVersion', 'classifierVersion', 'isStream', 'cache', 'outcome', 'status', 'errorCode', ...TOKENS],
  ...['costNanoUsd', 'savedNanoUsd', 'firstTokenMs', 'totalMs', 'overheadMs'],
];

const ATTEMPT = [
  ...['entryId', 'position', 'tier', 'upstream', 'model', 'outcome', 'errorCode', 'upstreamStatus', ...TOKENS],
  ...['costNanoUsd', 'priceVersion', 'firstTokenMs', 'totalMs'],
];

const columnOf = (property: string) => property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const insertInto = (table: string, properties: string[]) =>
  `INSERT INTO ${table} (${properties.map(columnOf)}) VALUES (${properties.map(() => '?')})`;
const selectFrom = (table: string, properties: string[]) =>
  `SELECT ${properties.map((property) => `${columnOf(property)} AS ${property}`)} FROM ${table}`;

/** `ON CONFLICT (id)` and not `OR IGNORE`, which would also drop rows that break NOT NULL without a word. */
export const INSERT_ENTRY = `${insertInto('entries', ENTRY)} ON CONFLICT (id) DO NOTHING`;
export const INSERT_ATTEMPT = insertInto('attempts', ATTEMPT);
export const SELECT_ENTRIES = `${selectFrom('entries', ENTRY)} WHERE at >= ? ORDER BY at DESC, id DESC LIMIT ?`;
export const SELECT_ATTEMPTS = `${selectFrom('attempts', ATTEMPT)} WHERE entry_id = ? ORDER BY position`;

/** Values for INSERT_ENTRY. */
export const entryValues = (entry: LedgerEntry): SQLInputValue[] => valuesOf(ENTRY, { ...entry, ...entry.tokens });

/** Values for INSERT_ATTEMPT. */
export const attemptValues = (entryId: string, position: number, attempt: AttemptRecord): SQLInputValue[] =>
  valuesOf(ATTEMPT, { ...attempt, ...attempt.tokens, entryId, position });

/** The rows were written from these types, and the tables are STRICT, so they are taken at their word. */
export const entryOf = (row: Row, attempts: Row[]): LedgerEntry =>
  ({ ...nestTokens(row), isStream: row.isStream === 1, attempts: attempts.map(attemptOf) }) as LedgerEntry;

const attemptOf = ({ entryId: _, position: __, ...row }: Row): AttemptRecord => nestTokens(row) as AttemptRecord;

const nestTokens = (row: Row): object => {
  const { promptTokens, cachedTokens, completionTokens, reasoningTokens, isEstimated, ...rest } = row;
  const counts = { promptTokens, cachedTokens, completionTokens, reasoningTokens };
  return { ...rest, tokens: { ...counts, isEstimated: isEstimated === 1 } as TokenCounts };
};

const valuesOf = (properties: string[], record: object): SQLInputValue[] =>
  properties.map((property) => {
    const value = (record as Record<string, unknown>)[property];
    return typeof value === 'boolean' ? Number(value) : (value as SQLInputValue);
  });
