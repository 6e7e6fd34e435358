import { literal } from './gbnf.ts';
import { MAX_COUNT, repeated, type SchemaContext, spaceRule } from './json-schema-context.ts';
import type { Schema } from './json-schema-merge.ts';

/** Declared properties in the order of the schema, those that are not required written or left out. */
export const objectGrammar = (context: SchemaContext, schema: Schema, path: string): string => {
  const properties = Object.entries((schema['properties'] ?? {}) as Schema);
  const required = new Set((schema['required'] ?? []) as string[]);
  const undeclared = [...required].find((name) => !properties.some(([known]) => known === name));
  const {
    additionalProperties: extra,
    minProperties = 0,
    maxProperties = Infinity,
  } = schema as {
    additionalProperties?: unknown;
    minProperties?: number;
    maxProperties?: number;
  };
  if (properties.length === 0) {
    if (undeclared !== undefined) throw context.refuse(`${path}/required`, `"${undeclared}" is not declared`);
    return mapGrammar(context, schema, extra, minProperties, maxProperties, path);
  }
  if (undeclared !== undefined) throw context.refuse(`${path}/required`, `"${undeclared}" is not declared`);
  if (minProperties > required.size || maxProperties < properties.length) {
    throw context.refuse(path, 'limits on the number of properties are not supported beside optional ones');
  }
  const space = spaceRule(context);
  // Two rules for what can follow a property: with one before it, and as the first.
  let afterOthers = '';
  let asFirst = '""';
  for (const [name, value] of properties.reverse()) {
    const at = `${path}/properties/${name}`;
    const member = context.grammar.rule(
      'member',
      `${literal(JSON.stringify(name))} ":" ${space} ${context.schema(value, at)}`,
    );
    const withThis = `${member} ${afterOthers}`;
    const isRequired = required.has(name);
    asFirst = context.grammar.rule('first', isRequired ? withThis : `${withThis} | ${asFirst}`);
    const next = `"," ${space} ${member}`;
    afterOthers = context.grammar.rule('next', isRequired ? `${next} ${afterOthers}` : `(${next})? ${afterOthers}`);
  }
  return `"{" ${space} ${asFirst} ${space} "}"`;
};

/** An object that declares no properties: any names, or those that `propertyNames` lets through. */
const mapGrammar = (
  context: SchemaContext,
  schema: Schema,
  extra: unknown,
  min: number,
  max: number,
  path: string,
): string => {
  const space = spaceRule(context);
  if (extra === false || max === 0) return `"{" ${space} "}"`;
  if (min > MAX_COUNT) throw context.refuse(`${path}/minProperties`, `more than ${MAX_COUNT} properties`);
  // The same name could come twice, and count as one.
  if (min > 1) throw context.refuse(`${path}/minProperties`, 'more than one property of free name is not supported');
  const names = schema['propertyNames'];
  const name =
    names === undefined
      ? context.anyJson.string()
      : context.schema({ type: 'string', ...(names as Schema) }, `${path}/propertyNames`);
  const value =
    extra === undefined || extra === true
      ? context.anyJson.value()
      : context.schema(extra, `${path}/additionalProperties`);
  const member = context.grammar.rule('member', `${name} ":" ${space} ${value}`);
  const list = `${member} ${repeated(context, `"," ${space} ${member}`, 0, max - 1)} ${space}`;
  return `"{" ${space} ${min > 0 ? list : `(${list})?`} "}"`;
};
