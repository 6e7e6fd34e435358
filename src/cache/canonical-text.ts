import { createHash } from 'node:crypto';
import type { ChatRequest } from '../contract/chat-request.ts';

/**
 * One text for all spellings of a chat request that mean the same:
 * - the order of keys makes no difference, except of the properties of a JSON Schema: models answer in that order;
 * - at the top and in messages `null` is as good as absent; inside a schema (`const: null`) it is not;
 * - `stop: "x"` is `stop: ["x"]`; numbers count by value (`1.0` is `1`), and integers beyond the precision of a double by
 *   their digits, for that is how a `seed` reaches the model.
 * Texts are taken as they are: no Unicode normalisation, no trimming; lists keep their order. A text as long as an image
 * stands in it as its hash, so that it is read once.
 */
export const canonicalText = (
  { body, text }: Pick<ChatRequest, 'body' | 'text'>,
  without: ReadonlySet<string>,
): string => {
  const exact = (hasLongNumber(body) ? parseExactly(text) : body) as Record<string, unknown>;
  const fields = Object.keys(exact)
    .filter((key) => !without.has(key) && exact[key] != null)
    .sort();
  return fields.map((key) => `${JSON.stringify(key)}:${fieldText(key, exact[key])}`).join();
};

/** Fields that hold JSON Schemas. */
const WITH_SCHEMAS = new Set(['tools', 'functions', 'response_format']);

const fieldText = (key: string, value: unknown): string => {
  if (key === 'stop' && typeof value === 'string') return write([value], PLAIN);
  if (key === 'messages' && Array.isArray(value)) return `[${value.map((message) => write(message, MESSAGE)).join()}]`;
  return write(value, WITH_SCHEMAS.has(key) ? SCHEMA : PLAIN);
};

type Style = { isNullAbsent: boolean; keepsOrderOf: string | null };
const PLAIN: Style = { isNullAbsent: false, keepsOrderOf: null };
const MESSAGE: Style = { isNullAbsent: true, keepsOrderOf: null };
const SCHEMA: Style = { isNullAbsent: false, keepsOrderOf: 'properties' };

const write = (value: unknown, style: Style, parent: string | null = null): string => {
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  if (typeof value === 'string' && value.length >= HASHED_FROM && value.isWellFormed()) return hashed(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map((item) => write(item, style)).join()}]`;
  const members = value as Record<string, unknown>;
  const keys = Object.keys(members).filter((key) => !(style.isNullAbsent && members[key] === null));
  if (parent === null || parent !== style.keepsOrderOf) keys.sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${write(members[key], style, key)}`).join()}}`;
};

/** In UTF-16 code units. */
const HASHED_FROM = 64 * 1024;

/** No JSON begins like that. */
const hashed = (text: string): string => `#${text.length}:${createHash('sha256').update(text).digest('hex')}`;

/** Whether there is an integer that a double does not hold exactly. The values are looked at, for the text may be long. */
const hasLongNumber = (value: unknown): boolean => {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasLongNumber);
};

type Source = { source: string };

/** As JSON.parse, with integers beyond a double's precision as bigint (https://github.com/tc39/proposal-json-parse-with-source). */
const parseExactly = (text: string): unknown => {
  const revive = (_key: string, value: unknown, context?: Source): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt((context as Source).source)
      : value;
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown);
};
