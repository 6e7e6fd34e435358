import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Imports point one way: from a higher rank to a lower one. */
const RANKS: Record<string, number> = {
  lib: 0,
  contract: 1,
  config: 2,
  cluster: 2,
  auth: 3,
  limits: 3,
  cache: 3,
  difficulty: 3,
  routing: 3,
  execution: 3,
  translate: 3,
  upstreams: 3,
  ledger: 3,
  responses: 3,
  dialects: 4,
  endpoints: 4,
  'ports.ts': 4,
  'passage.ts': 4,
  'stream-out.ts': 4,
  'pipeline.ts': 4,
  'inquiry.ts': 4,
  'ask-cache.ts': 4,
  'plan.ts': 4,
  'ask-models.ts': 4,
  'keep-session.ts': 4,
  'found-answer.ts': 4,
  'refresh-stale.ts': 4,
  'idempotency.ts': 4,
  'background-responses.ts': 4,
  'background-task.ts': 4,
  'record-answer.ts': 4,
  'semantic-cache.ts': 4,
  'cache-scope.ts': 4,
  'embed-texts.ts': 4,
  'ask-if-same.ts': 4,
  http: 5,
  'settings.ts': 5,
  'dry-run.ts': 4,
  'run-config-tests.ts': 4,
  'config-editor.ts': 4,
  'open-key-database.ts': 6,
  'open-recordings.ts': 6,
  'open-runtime.ts': 6,
  'open-stores.ts': 6,
  'open-limits.ts': 6,
  'open-alerts.ts': 6,
  'app-options.ts': 6,
  'request-handlers.ts': 6,
  'upstream-registry.ts': 6,
  'simulation.ts': 6,
  'simulation-thread.ts': 6,
  'thread-simulator.ts': 6,
  'app.ts': 7,
  'gateway.ts': 8,
  cli: 9,
  'main.ts': 10,
};
const CAPABILITY = 3;
const PIPELINE = 4;

const SOURCE = join(import.meta.dirname, '../src');

type Import = { from: string; to: string; isType: boolean };

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((path) => /\.tsx?$/.test(path));
const textOf = (file: string): string => readFileSync(join(SOURCE, file), 'utf8');
/** The code alone: rules are about what runs, and comments may name what is forbidden. */
const codeOf = (file: string): string =>
  textOf(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');

const IMPORT =
  /^(?:import|export)\s+(type\s)?([^;'"]*?)\bfrom\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|^import\s+'([^']+)'/gm;

const specifiersOf = (file: string) =>
  [...textOf(file).matchAll(IMPORT)].map(([text, type, names = '', from, dynamic, bare]) => {
    const each =
      /\{([\s\S]*)\}/
        .exec(names)?.[1]
        ?.split(',')
        .map((name) => name.trim())
        .filter(Boolean) ?? [];
    const isEachType = each.length > 0 && each.every((name) => name.startsWith('type ')) && /^\s*\{/.test(names);
    // `typeof import('…')` is a type as well.
    const isTypeOf = textOf(file).includes(`typeof ${text}`);
    return { specifier: from ?? dynamic ?? bare ?? '', isType: Boolean(type) || isEachType || isTypeOf };
  });

const imports: Import[] = files.flatMap((from) =>
  specifiersOf(from)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier, isType }) => ({ from, to: relative(SOURCE, join(SOURCE, dirname(from), specifier)), isType })),
);

/** The first folder of a path, or the file itself at the top. */
const partOf = (file: string): string => file.split('/')[0] as string;
const rankOf = (file: string): number => RANKS[partOf(file)] ?? Number.NaN;
const say = ({ from, to, isType }: Import): string => `${from} imports ${isType ? 'the type of ' : ''}${to}`;
const isGateway = (file: string): boolean => partOf(file) !== 'model-host' && partOf(file) !== 'dashboard';

test('every part of the source has its rank', () => {
  expect(files.filter((file) => isGateway(file) && Number.isNaN(rankOf(file)))).toEqual([]);
  expect(imports.length).toBeGreaterThan(200);
});

test('every relative import names its file with .ts, and the file is there', () => {
  const known = new Set(files);
  expect(imports.filter(({ to }) => /\.tsx?$/.test(to) && !known.has(to)).map(say)).toEqual([]);
  expect(imports.filter(({ to }) => !/\.(tsx?|json|css)$/.test(to) && to !== '../package.json').map(say)).toEqual([]);
});

describe('imports point one way', () => {
  const inGateway = imports.filter(({ from, to }) => isGateway(from) && isGateway(to) && !to.startsWith('..'));

  test('never from a lower part to a higher one', () => {
    expect(inGateway.filter(({ from, to }) => rankOf(from) < rankOf(to)).map(say)).toEqual([]);
  });

  test('between capabilities only as types: each is told what it needs, and runs alone', () => {
    const siblings = inGateway.filter(
      ({ from, to }) => rankOf(from) === CAPABILITY && rankOf(to) === CAPABILITY && partOf(from) !== partOf(to),
    );
    expect(siblings.filter(({ isType }) => !isType).map(say)).toEqual([]);
  });

  test('settings are read only where a process is put together', () => {
    const readers = inGateway
      .filter(({ to, isType }) => to === 'settings.ts' && !isType)
      .map(({ from }) => partOf(from));
    expect(readers.filter((part) => !['gateway.ts', 'cli', 'main.ts'].includes(part))).toEqual([]);
  });

  test('to the model host only from where processes are put together, and from it only to contract and lib', () => {
    const users = imports.filter(({ from, to }) => partOf(to) === 'model-host' && partOf(from) !== 'model-host');
    expect(
      users
        .filter(
          ({ from }) => !['upstream-registry.ts', 'app.ts', 'gateway.ts', 'cli', 'main.ts'].includes(partOf(from)),
        )
        .map(say),
    ).toEqual([]);
    const own = imports.filter(({ from }) => partOf(from) === 'model-host');
    expect(own.filter(({ to }) => !['model-host', 'contract', 'lib'].includes(partOf(to))).map(say)).toEqual([]);
  });
});

test('only the composition chooses adapters: everyone else knows their ports', () => {
  const isAdapter = (file: string) =>
    rankOf(file) === CAPABILITY && /\/(memory|sqlite|postgres|redis|http|simulated)-[^/]+\.ts$/.test(file);
  const isComposition = (file: string) =>
    /^open-[a-z-]+\.ts$/.test(file) ||
    ['app.ts', 'upstream-registry.ts', 'simulation-thread.ts', 'gateway.ts', 'main.ts', 'cli'].includes(partOf(file));
  const outside = imports.filter(
    ({ from, to, isType }) => isAdapter(to) && !isType && partOf(from) !== partOf(to) && !isComposition(from),
  );
  expect(outside.map(say)).toEqual([]);
  const ports = imports.filter(
    ({ from, to, isType }) => rankOf(from) >= PIPELINE && !isComposition(from) && isAdapter(to) && isType,
  );
  expect(ports.map(say)).toEqual([]);
});

test('the dashboard takes types from contract, and nobody takes anything from it', () => {
  const outward = imports.filter(({ from, to }) => partOf(from) === 'dashboard' && partOf(to) !== 'dashboard');
  expect(outward.filter(({ to, isType }) => partOf(to) !== 'contract' || !isType).map(say)).toEqual([]);
  const inward = imports.filter(({ from, to }) => partOf(from) !== 'dashboard' && partOf(to) === 'dashboard');
  expect(inward.map(say)).toEqual([]);
});

test('process.env and process.exit stand only in the two programs', () => {
  const users = files.filter((file) => /\bprocess\.(env|exit|exitCode)\b/.test(codeOf(file)));
  expect(users.sort()).toEqual(['main.ts', 'model-host/main.ts']);
});

test('Hono is known only to http and to the model host', () => {
  const users = files.filter((file) => specifiersOf(file).some(({ specifier }) => /^(hono|@hono\/)/.test(specifier)));
  expect(users.map(partOf).filter((part) => !['http', 'model-host'].includes(part))).toEqual([]);
});

test('time, randomness and timers are handed in to what a request passes through', () => {
  const inRequests = files.filter(
    (file) => rankOf(file) === PIPELINE || ['routing', 'execution', 'limits', 'cache', 'auth'].includes(partOf(file)),
  );
  const found = inRequests.filter((file) =>
    /\b(Date\.now|performance\.now|Math\.random|setTimeout|setInterval)\b/.test(codeOf(file)),
  );
  expect(inRequests.length).toBeGreaterThan(20);
  expect(found).toEqual([]);
});
