import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { didYouMean, nearest } from './did-you-mean.ts';
import { isSecretKey } from './excerpt.ts';
import type { JsonSchema, Path } from './json-schema.ts';
import type { Substitution } from './substitute.ts';

/** What may stand where these schemas apply, in words: `a number between 0 and 1`, `text or a list with at least …`. */
export const describeExpected = (schemas: JsonSchema[]): string =>
  [...new Set(schemas.map(describeSchema))].join(' or ');

/** What stands there, in words: `the number 3`, `the text "high"`, `nothing`. Never a secret or a variable's value. */
export const describeFound = (node: Node, path: Path, { written }: Substitution): string => {
  if (isMap(node)) return node.items.length === 0 ? 'an empty mapping' : 'a mapping';
  if (isSeq(node)) return node.items.length === 0 ? 'an empty list' : 'a list';
  if (!isScalar(node) || node.value === null) return 'nothing';
  if (isSecretKey(path.at(-1))) return `a ${typeof node.value === 'string' ? 'text' : typeof node.value}`;
  if (written.has(node)) return `what \`${shorten(written.get(node)!)}\` stands for`;
  if (typeof node.value === 'string') return `the text ${JSON.stringify(shorten(node.value))}`;
  return typeof node.value === 'number' || typeof node.value === 'bigint'
    ? `the number ${node.value}`
    : `${node.value}`;
};

/** A word that is nearly one of the possible ones; undefined for any other mistake. */
export const describeMistake = (node: Node, schemas: JsonSchema[], { written }: Substitution): string | undefined => {
  const choices = schemas.flatMap((schema) => schema.enum ?? []);
  if (!isScalar(node) || typeof node.value !== 'string' || written.has(node)) return undefined;
  if (nearest(node.value, choices) === null) return undefined;
  return `unknown value \`${shorten(node.value)}\`${didYouMean(node.value, choices)}`;
};

/** What to do about a number in quotes; empty for all else. */
export const describeRemedy = (node: Node, schemas: JsonSchema[]): string => {
  if (!isScalar(node) || typeof node.value !== 'string' || !/^QUOTE/.test(node.type ?? '')) return '';
  const wantsNumber = schemas.some(({ type }) => type === 'number' || type === 'integer');
  return wantsNumber && node.value.trim() !== '' && !Number.isNaN(Number(node.value)) ? '; remove the quotes' : '';
};

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

const describeSchema = (schema: JsonSchema): string => {
  if (schema.patternErrorMessage) return schema.patternErrorMessage;
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum) return `one of ${schema.enum.map((value) => `\`${value}\``).join(', ')}`;
  switch (schema.type) {
    case 'number':
      return `a number${describeRange(schema)}`;
    case 'integer':
      return `a whole number${describeRange(schema)}`;
    case 'boolean':
      return '`true` or `false`';
    case 'array':
      return schema.minItems ? 'a list with at least one entry' : 'a list';
    case 'object':
      return 'a mapping';
    default:
      return schema.minLength ? 'text that is not empty' : 'text';
  }
};

const describeRange = ({ minimum, maximum, exclusiveMinimum }: JsonSchema): string => {
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (exclusiveMinimum !== undefined) return ` above ${exclusiveMinimum}`;
  if (minimum !== undefined && most !== undefined) return ` between ${minimum} and ${most}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  return most === undefined ? '' : ` of at most ${most}`;
};
