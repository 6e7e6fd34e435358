import { type JsonSchema, routesJsonSchema } from './json-schema.ts';

/** Text that holds a variable: what it stands for is checked at load, not in the editor. */
const VARIABLE: JsonSchema = { type: 'string', pattern: '\\$\\{' };

/**
 * The JSON Schema (draft 2020-12) that editors complete and check routes.yaml with. Where a number, true/false or a
 * text of a certain form is asked for, a `${NAME}` is allowed too.
 */
export const publishedSchema = (): object => {
  const { $schema, ...schema } = allowVariables(routesJsonSchema) as JsonSchema & { $schema?: string };
  return {
    $schema,
    $id: 'urn:rightsize:routes:1',
    title: 'routes.yaml of Rightsize',
    description: 'Upstreams, tiers and rules of the gateway. docs/configuration.md explains every key.',
    ...schema,
  };
};

const allowVariables = (schema: JsonSchema): JsonSchema => {
  const { description, default: preset, patternErrorMessage, ...rest } = mapSchemas(schema);
  const words = patternErrorMessage === undefined ? {} : { patternErrorMessage: `Expected ${patternErrorMessage}.` };
  const notes = { ...(description && { description }), ...(preset !== undefined && { default: preset }) };
  const isFilledIn = ['number', 'integer', 'boolean'].includes(rest.type ?? '') || rest.pattern || rest.format;
  if (!isFilledIn || rest.const !== undefined) return { ...notes, ...rest, ...words };
  return { ...notes, anyOf: [{ ...rest, ...words }, VARIABLE] };
};

/** The same schema with every value's schema inside it rewritten; keys (`propertyNames`) hold no variables. */
const mapSchemas = (schema: JsonSchema): JsonSchema => {
  const { properties, items, additionalProperties, anyOf, oneOf } = schema;
  return {
    ...schema,
    ...(properties && { properties: mapValues(properties, allowVariables) }),
    ...(items && { items: allowVariables(items) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: allowVariables(additionalProperties) }),
    ...(anyOf && { anyOf: anyOf.map(allowVariables) }),
    ...(oneOf && { oneOf: oneOf.map(allowVariables) }),
  };
};

const mapValues = <Value>(record: Record<string, Value>, change: (value: Value) => Value): Record<string, Value> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
