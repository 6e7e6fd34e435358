import { schemaError } from './json-schema-error.ts';

/** A JSON Schema that is an object; `true` and `false` are handled where schemas are read. */
export type Schema = Record<string, unknown>;

type Combine = (a: never, b: never) => unknown;

const largest: Combine = (a: number, b: number) => Math.max(a, b);
const smallest: Combine = (a: number, b: number) => Math.min(a, b);

/** How two demands become one that meets both; other keywords must be equal. */
const COMBINE: Record<string, Combine> = {
  minimum: largest,
  exclusiveMinimum: largest,
  minLength: largest,
  minItems: largest,
  minProperties: largest,
  maximum: smallest,
  exclusiveMaximum: smallest,
  maxLength: smallest,
  maxItems: smallest,
  maxProperties: smallest,
  required: (a: string[], b: string[]) => [...new Set([...a, ...b])],
  $defs: (a: Schema, b: Schema) => ({ ...a, ...b }),
  definitions: (a: Schema, b: Schema) => ({ ...a, ...b }),
  enum: (a: unknown[], b: unknown[]) => a.filter((value) => b.some((other) => isSame(value, other))),
};

/** Keywords that only describe. */
export const ANNOTATIONS = new Set([
  'title',
  'description',
  'default',
  'examples',
  'example',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$comment',
  '$schema',
  '$id',
]);

/** One schema for what meets both, as `allOf` asks. @throws GatewayError naming a keyword that cannot be joined. */
export const mergeSchemas = (a: Schema, b: Schema, param: string, path: string): Schema => {
  const merged: Schema = { ...a };
  for (const [keyword, value] of Object.entries(b)) {
    const own = merged[keyword];
    if (own === undefined || isSame(own, value) || ANNOTATIONS.has(keyword)) merged[keyword] = value;
    else if (keyword === 'properties') merged[keyword] = mergeProperties(own as Schema, value as Schema, param, path);
    else if (keyword === 'type') merged[keyword] = commonType(own, value, param, path);
    else if (keyword === 'allOf') merged[keyword] = [...(own as unknown[]), ...(value as unknown[])];
    else if (keyword === 'additionalProperties' && (own === false || value === false)) merged[keyword] = false;
    else if (keyword === 'additionalProperties' && (own === true || value === true)) {
      merged[keyword] = own === true ? value : own;
    } else if (keyword in COMBINE) merged[keyword] = COMBINE[keyword]!(own as never, value as never);
    else throw schemaError(param, path, `"${keyword}" is asked for twice and differs`);
  }
  return merged;
};

const mergeProperties = (a: Schema, b: Schema, param: string, path: string): Schema => {
  const merged = { ...a };
  for (const [name, schema] of Object.entries(b)) {
    merged[name] =
      name in merged && typeof merged[name] === 'object' && typeof schema === 'object'
        ? mergeSchemas(merged[name] as Schema, schema as Schema, param, `${path}/properties/${name}`)
        : schema;
  }
  return merged;
};

const commonType = (a: unknown, b: unknown, param: string, path: string): unknown => {
  const others = [b].flat();
  const common = [a]
    .flat()
    .filter((type) => others.includes(type) || (type === 'integer' && others.includes('number')));
  if (others.includes('integer') && [a].flat().includes('number')) common.push('integer');
  if (common.length === 0) throw schemaError(param, path, 'no value has all the types');
  return common.length === 1 ? common[0] : common;
};

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
