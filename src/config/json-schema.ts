import { z } from 'zod';
import { RoutesFileSchema } from './schema.ts';

/** The part of JSON Schema (draft 2020-12) that zod writes for routes.yaml, with our `notYet`. */
export type JsonSchema = {
  type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean';
  properties?: Record<string, JsonSchema>;
  required?: string[];
  propertyNames?: JsonSchema;
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  minItems?: number;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  enum?: string[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minLength?: number;
  pattern?: string;
  format?: string;
  default?: unknown;
  description?: string;
  patternErrorMessage?: string;
};

export type Path = readonly (string | number)[];

/** routes.yaml as its authors write it: durations are text, defaulted keys are optional. */
export const routesJsonSchema = z.toJSONSchema(RoutesFileSchema, { io: 'input' }) as JsonSchema;

/** The plain schemas that a schema stands for: itself, or each side of its union. */
export const alternativesOf = (schema: JsonSchema): JsonSchema[] =>
  (schema.anyOf ?? schema.oneOf)?.flatMap(alternativesOf) ?? [schema];

/** Every schema that may apply at a path such as `['tiers', 0, 'name']`; empty where the file may hold nothing. */
export const schemasAt = (path: Path): JsonSchema[] => {
  let schemas = alternativesOf(routesJsonSchema);
  for (const step of path) {
    schemas = schemas.flatMap((schema) => {
      const next = typeof step === 'number' ? schema.items : (ownProperty(schema, step) ?? schema.additionalProperties);
      return typeof next === 'object' ? alternativesOf(next) : [];
    });
  }
  return schemas;
};

/** The keys possible in a mapping at `path`; of upstreams, only those of its kind. */
export const keysAt = (path: Path, kind: unknown): string[] => {
  const properties = schemasAt(path).map((schema) => schema.properties ?? {});
  const ofKind = properties.filter(({ kind: of }) => !of || [of.const, ...(of.enum ?? [])].includes(kind as string));
  return [...new Set((ofKind.length > 0 ? ofKind : properties).flatMap(Object.keys))];
};

const ownProperty = (schema: JsonSchema, key: string): JsonSchema | undefined =>
  schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
