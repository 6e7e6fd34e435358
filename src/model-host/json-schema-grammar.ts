import { type GrammarBuilder, literal, oneOf } from './gbnf.ts';
import { AnyJson } from './json-grammar.ts';
import { arrayGrammar } from './json-schema-array.ts';
import type { SchemaContext } from './json-schema-context.ts';
import { schemaError } from './json-schema-error.ts';
import { ANNOTATIONS, mergeSchemas, type Schema } from './json-schema-merge.ts';
import { integerGrammar, numberGrammar } from './json-schema-number.ts';
import { objectGrammar } from './json-schema-object.ts';
import { type StringSchema, stringGrammar } from './json-schema-string.ts';

/** Keywords that assert something which no grammar can say. */
const REFUSED = [
  'not',
  'if',
  'then',
  'else',
  'patternProperties',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
  'unevaluatedProperties',
  'unevaluatedItems',
  'contains',
  'minContains',
  'maxContains',
  '$dynamicRef',
  '$recursiveRef',
];
const MAX_DEPTH = 64;
const MAX_VALUES = 1000;

/**
 * Compiles JSON Schemas into rules of one grammar. Everything that the grammar lets through is valid by its schema;
 * where a schema allows more than a grammar can say, it lets through less: undeclared properties of an object that
 * declares some, longer matches of a pattern without anchors, numbers of more than fifteen digits.
 */
export class SchemaCompiler {
  readonly #grammar: GrammarBuilder;
  readonly #param: string;
  readonly #root: unknown;
  readonly #references = new Map<string, string>();
  readonly #anyJson: AnyJson;
  readonly #context: SchemaContext;
  #depth = 0;

  /** @param param the request's field that errors name. */
  constructor(grammar: GrammarBuilder, root: unknown, param: string) {
    this.#grammar = grammar;
    this.#root = root;
    this.#param = param;
    this.#anyJson = new AnyJson(grammar);
    this.#context = {
      grammar,
      anyJson: this.#anyJson,
      schema: (schema, path) => this.#schema(schema, path),
      refuse: (path, problem) => this.#refuse(path, problem),
    };
  }

  /** @throws GatewayError `unsupported_parameter` with the place in the schema of what cannot be honoured. */
  compile(): string {
    return this.#schema(this.#root, '#');
  }

  #schema(schema: unknown, path: string): string {
    if (schema === true) return this.#anyJson.value();
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
      throw this.#refuse(path, schema === false ? 'nothing is allowed here' : 'a schema must be an object');
    }
    if (++this.#depth > MAX_DEPTH) throw this.#refuse(path, `it is nested more than ${MAX_DEPTH} levels deep`);
    const body = this.#object(schema as Schema, path);
    this.#depth--;
    return this.#grammar.rule('node', body);
  }

  #object(schema: Schema, path: string): string {
    const refused = REFUSED.find((keyword) => schema[keyword] !== undefined);
    if (refused) throw this.#refuse(`${path}/${refused}`, `"${refused}" is not supported`);
    if (schema['nullable'] === true) {
      const { nullable: _, ...rest } = schema;
      return oneOf([this.#schema(rest, path), '"null"']);
    }
    if (typeof schema['$ref'] === 'string') return this.#reference(schema, schema['$ref'], path);
    if (Array.isArray(schema['allOf'])) return this.#allOf(schema, schema['allOf'], path);
    for (const keyword of ['anyOf', 'oneOf']) {
      const alternatives = schema[keyword];
      if (Array.isArray(alternatives)) return this.#alternatives(schema, keyword, alternatives, path);
    }
    if (schema['const'] !== undefined) return this.#values(schema, [schema['const']], path);
    if (Array.isArray(schema['enum'])) return this.#values(schema, schema['enum'], path);
    const type = schema['type'] ?? impliedType(schema);
    if (type === undefined) return this.#anyJson.value();
    return oneOf([type].flat().map((one) => this.#grammar.rule('typed', this.#typed(schema, one, path))));
  }

  #typed(schema: Schema, type: unknown, path: string): string {
    switch (type) {
      case 'null':
        return '"null"';
      case 'boolean':
        return '"true" | "false"';
      case 'string':
        return stringGrammar(this.#grammar, schema as StringSchema, this.#param, path);
      case 'integer':
      case 'number':
        return this.#number(schema, type, path);
      case 'array':
        return arrayGrammar(this.#context, schema, path);
      case 'object':
        return objectGrammar(this.#context, schema, path);
      default:
        throw this.#refuse(`${path}/type`, `the type ${JSON.stringify(type)} is not known`);
    }
  }

  #reference(schema: Schema, reference: string, path: string): string {
    const siblings = Object.fromEntries(
      Object.entries(schema).filter(
        ([key]) => key !== '$ref' && key !== '$defs' && key !== 'definitions' && !ANNOTATIONS.has(key),
      ),
    );
    const target = resolve(this.#root, reference);
    if (target === undefined) throw this.#refuse(`${path}/$ref`, `"${reference}" leads nowhere`);
    if (Object.keys(siblings).length > 0 && typeof target === 'object') {
      return this.#schema(mergeSchemas(siblings, target as Schema, this.#param, path), path);
    }
    const known = this.#references.get(reference);
    if (known !== undefined) return known;
    const name = this.#grammar.reserve('ref');
    this.#references.set(reference, name);
    this.#grammar.define(name, this.#schema(target, reference));
    return name;
  }

  #allOf(schema: Schema, parts: unknown[], path: string): string {
    const { allOf: _, ...rest } = schema;
    const merged = parts.reduce<Schema>((sum, part, index) => {
      const resolved = this.#resolved(part, `${path}/allOf/${index}`);
      return mergeSchemas(sum, resolved, this.#param, `${path}/allOf/${index}`);
    }, rest);
    return this.#schema(merged, path);
  }

  #resolved(part: unknown, path: string): Schema {
    let schema = part as Schema;
    for (let hops = 0; typeof schema?.['$ref'] === 'string' && hops < MAX_DEPTH; hops++) {
      const { $ref, ...rest } = schema;
      schema = mergeSchemas(rest, (resolve(this.#root, $ref as string) ?? {}) as Schema, this.#param, path);
    }
    if (typeof schema !== 'object' || schema === null) throw this.#refuse(path, 'a schema must be an object');
    return schema;
  }

  #alternatives(schema: Schema, keyword: string, alternatives: unknown[], path: string): string {
    const { [keyword]: _, ...rest } = schema;
    const asserts = Object.keys(rest).some((key) => !ANNOTATIONS.has(key) && key !== '$defs' && key !== 'definitions');
    if (alternatives.length === 0) throw this.#refuse(`${path}/${keyword}`, 'there is no alternative');
    return oneOf(
      alternatives.map((alternative, index) => {
        const at = `${path}/${keyword}/${index}`;
        if (!asserts) return this.#schema(alternative, at);
        return this.#schema(mergeSchemas(rest, this.#resolved(alternative, at), this.#param, at), at);
      }),
    );
  }

  #values(schema: Schema, values: unknown[], path: string): string {
    const types = schema['type'] === undefined ? null : [schema['type']].flat();
    const fitting = values.filter((value) => types === null || types.some((type) => isOfType(value, type)));
    if (fitting.length === 0) throw this.#refuse(path, 'no value is allowed');
    if (fitting.length > MAX_VALUES) throw this.#refuse(path, `more than ${MAX_VALUES} values`);
    return oneOf(fitting.map((value) => literal(JSON.stringify(value))));
  }

  #number(schema: Schema, type: 'integer' | 'number', path: string): string {
    const step = schema['multipleOf'];
    if (step !== undefined && step !== 1) throw this.#refuse(`${path}/multipleOf`, '"multipleOf" is not supported');
    const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema as Record<string, number | undefined>;
    const low = Math.max(minimum ?? -Infinity, exclusiveMinimum ?? -Infinity);
    const high = Math.min(maximum ?? Infinity, exclusiveMaximum ?? Infinity);
    const excluded = { low: low === exclusiveMinimum, high: high === exclusiveMaximum };
    const body =
      type === 'integer' || step === 1
        ? integerGrammar({
            low: excluded.low ? Math.floor(low) + 1 : Math.ceil(low),
            high: excluded.high ? Math.ceil(high) - 1 : Math.floor(high),
          })
        : numberGrammar({ low, high }, excluded);
    if (body === null) throw this.#refuse(path, 'no number with at most four digits after the point is allowed');
    return body;
  }

  #refuse(path: string, problem: string) {
    return schemaError(this.#param, path, problem);
  }
}

/** The value that a reference such as `#/$defs/node` leads to. */
const resolve = (root: unknown, reference: string): unknown => {
  if (!reference.startsWith('#')) return undefined;
  return reference
    .slice(1)
    .split('/')
    .filter((part) => part !== '')
    .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], root);
};

const impliedType = (schema: Schema): string | undefined => {
  if ('properties' in schema || 'additionalProperties' in schema || 'required' in schema) return 'object';
  if ('items' in schema || 'prefixItems' in schema) return 'array';
  if ('pattern' in schema || 'minLength' in schema || 'maxLength' in schema || 'format' in schema) return 'string';
  if ('minimum' in schema || 'maximum' in schema) return 'number';
  return undefined;
};

const isOfType = (value: unknown, type: unknown): boolean => {
  if (value === null) return type === 'null';
  if (Array.isArray(value)) return type === 'array';
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
};
