import type { GatewayError } from '../contract/errors.ts';
import type { GrammarBuilder } from './gbnf.ts';
import { type AnyJson, SPACE } from './json-grammar.ts';

/** What the parts of a schema's compiler share. */
export type SchemaContext = {
  grammar: GrammarBuilder;
  anyJson: AnyJson;
  /** The rule for a schema inside this one. */
  schema(schema: unknown, path: string): string;
  refuse(path: string, problem: string): GatewayError;
};

/** The engine copies what is repeated, so counts must stay small. */
export const MAX_COUNT = 1000;

export const spaceRule = ({ grammar }: SchemaContext): string => grammar.rule('space', SPACE);

/** `item` so many times; more than `MAX_COUNT` are never written, only allowed. */
export const repeated = ({ grammar }: SchemaContext, item: string, min: number, max: number): string => {
  const least = Math.max(0, min);
  if (max <= 0) return '';
  const rule = grammar.rule('item', item);
  return max === Infinity ? `${rule}{${least},}` : `${rule}{${least},${Math.max(least, Math.min(max, MAX_COUNT))}}`;
};
