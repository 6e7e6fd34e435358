import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { alternativesOf, type JsonSchema, routesJsonSchema } from '../../src/config/json-schema.ts';
import { publishedSchema } from '../../src/config/published-schema.ts';

const root = new URL('../../', import.meta.url);

/** Every key of the file with its schema: `routes[].cache.ttl`. */
const keysOf = (schema: JsonSchema, path: string): [string, JsonSchema][] =>
  alternativesOf(schema).flatMap((side) => [
    ...Object.entries(side.properties ?? {}).flatMap(([key, property]): [string, JsonSchema][] => [
      [`${path}.${key}`, property],
      ...keysOf(property, `${path}.${key}`),
    ]),
    ...(side.items ? keysOf(side.items, `${path}[]`) : []),
    ...(typeof side.additionalProperties === 'object' ? keysOf(side.additionalProperties, `${path}.<name>`) : []),
  ]);

test.each(keysOf(routesJsonSchema, ''))('%s is described', (_path, { description }) => {
  expect(description).toMatch(/^.{10,}\.$/s);
});

test('the generated files are fresh', async () => {
  const script = new URL('scripts/generate-config-docs.ts', root).pathname;
  await promisify(execFile)(process.execPath, [script, '--check']);
});

describe('the published JSON Schema', () => {
  const schema = z.fromJSONSchema(publishedSchema() as Parameters<typeof z.fromJSONSchema>[0]);
  const check = (data: unknown) => schema.safeParse(data).success;

  test('accepts the file at the root and points editors to itself', async () => {
    const text = await readFile(new URL('routes.yaml', root), 'utf8');
    expect(check(parse(text))).toBe(true);
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\/src\/config\/routes\.schema\.json\n/);
  });

  test('accepts variables for numbers and durations, and refuses unknown keys and wrong values', () => {
    const file = (upstream: object) => ({
      version: 1,
      upstreams: { it: { kind: 'ollama', ...upstream } },
      tiers: [{ name: 'small', models: [{ upstream: 'it' }] }],
      routes: [{ name: 'default', tier: 'small' }],
    });
    expect(check(file({ connections: `\${N:-4}`, timeouts: { total: `\${TOTAL}` } }))).toBe(true);
    expect(check(file({ connections: 'four' }))).toBe(false);
    expect(check(file({ timeouts: { total: '5 minutes' } }))).toBe(false);
    expect(check(file({ ulr: 'http://127.0.0.1/v1' }))).toBe(false);
  });
});
