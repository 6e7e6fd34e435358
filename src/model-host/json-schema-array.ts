import { MAX_COUNT, repeated, type SchemaContext, spaceRule } from './json-schema-context.ts';
import type { Schema } from './json-schema-merge.ts';

/** Lists of one kind of item, tuples, and tuples that go on as lists. */
export const arrayGrammar = (context: SchemaContext, schema: Schema, path: string): string => {
  if (schema['uniqueItems'] === true) throw context.refuse(`${path}/uniqueItems`, '"uniqueItems" is not supported');
  const isOldTuple = Array.isArray(schema['items']);
  const fixed = (isOldTuple ? schema['items'] : (schema['prefixItems'] ?? [])) as unknown[];
  const restSchema = isOldTuple ? schema['additionalItems'] : schema['items'];
  const { minItems = 0, maxItems = Infinity } = schema as { minItems?: number; maxItems?: number };
  if (minItems > MAX_COUNT) throw context.refuse(`${path}/minItems`, `more than ${MAX_COUNT} items`);
  const space = spaceRule(context);
  const fixedRules = fixed
    .slice(0, maxItems)
    .map((item, index) => context.schema(item, `${path}/prefixItems/${index}`));
  const rest =
    restSchema === false || maxItems <= fixed.length ? null : context.schema(restSchema ?? true, `${path}/items`);
  // Written from the end: each item may be followed by the next, or not when enough are there.
  let tail =
    rest === null ? '' : repeated(context, `"," ${space} ${rest}`, minItems - fixed.length, maxItems - fixed.length);
  if (fixedRules.length === 0) {
    if (rest === null) return '"[" "]"';
    const more = repeated(context, `"," ${space} ${rest}`, minItems - 1, maxItems - 1);
    const list = `${rest} ${more} ${space}`;
    return `"[" ${space} ${minItems > 0 ? list : `(${list})?`} "]"`;
  }
  for (let index = fixedRules.length - 1; index > 0; index--) {
    const next = `"," ${space} ${fixedRules[index]} ${tail}`;
    tail = index < minItems || schema['minItems'] === undefined ? next : `(${next})?`;
  }
  const list = `${fixedRules[0]} ${tail} ${space}`;
  return `"[" ${space} ${minItems > 0 || schema['minItems'] === undefined ? list : `(${list})?`} "]"`;
};
