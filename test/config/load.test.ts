// biome-ignore-all lint/suspicious/noTemplateCurlyInString: routes.yaml writes its variables so.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatProblem, formatProblems } from '../../src/config/format-problems.ts';
import { type LoadResult, loadConfig } from '../../src/config/load.ts';
import type { LoadedConfig } from '../../src/config/loaded-config.ts';

const casesUrl = new URL('./cases/', import.meta.url);
const SECRET = 's3cr3t-value';
const ENVIRONMENT = { SECRET, WITH_SPACES: 'two words', FOUR: '4', HALF: '0.5' };

const load = (text: string | Uint8Array, environment: Record<string, string> = {}): Promise<LoadResult> =>
  loadConfig({ file: 'routes.yaml', environment, readFile: async () => Buffer.from(text) });

const render = (result: LoadResult): string =>
  result.ok
    ? formatProblems('routes.yaml', result.config.warnings, { noun: 'warning' })
    : formatProblems('routes.yaml', result.problems);

const loadValid = async (text: string, environment?: Record<string, string>): Promise<LoadedConfig> => {
  const result = await load(text, environment);
  if (!result.ok) throw new Error(render(result));
  return result.config;
};

/** A valid file around one upstream. */
const around = (upstream: string): string =>
  [
    'version: 1',
    `upstreams: { it: ${upstream} }`,
    'tiers: [{ name: small, models: [{ upstream: it, model: x }] }]',
    'routes: [{ name: default, tier: small }]',
  ].join('\n');

describe('every mistake is told at once, at its place', async () => {
  const files = (await readdir(casesUrl)).filter((file) => file.endsWith('.yaml'));
  test.each(files)('%s', async (file) => {
    const rendered = render(await load(await readFile(new URL(file, casesUrl)), ENVIRONMENT));
    await expect(`${rendered}\n`).toMatchFileSnapshot(new URL(file.replace('.yaml', '.txt'), casesUrl).pathname);
    expect(rendered).not.toMatch(/s3cr3t|literal-secret|plain-secret|sk-secret|my: secret|12345\b/);
  });
});

describe('a file that cannot be read at all is a problem, not a crash', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rightsize-config-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  test.each([
    ['empty', '', 'the file is empty'],
    ['blank', ' \n\n', 'the file is empty'],
    ['null', 'null', 'the file is empty'],
    ['latin-1', Buffer.from('é: 1', 'latin1'), 'the file is not UTF-8 text; save it in that encoding'],
    ['binary', 'a\0b', 'the file is not text: it holds zero bytes'],
    ['too large', `# ${'x'.repeat(1024 * 1024)}`, 'the file is larger than 1 MiB'],
  ])('%s', async (_name, content, message) => {
    expect(render(await load(content))).toBe(`routes.yaml:1:1: ${message}\n1 problem`);
  });

  test('missing, and a directory', async () => {
    const missing = await loadConfig({ file: join(directory, 'routes.yaml'), environment: {} });
    expect(render(missing)).toContain('there is no such file');
    expect(render(await loadConfig({ file: directory, environment: {} }))).toContain('this is a directory');
  });

  test('a file beyond the limit is not read to its end', async () => {
    expect(render(await loadConfig({ file: '/dev/zero', environment: {} }))).toContain('larger than 1 MiB');
  });

  test('nesting without end', async () => {
    expect(render(await load(`a: ${'['.repeat(100_000)}`))).toContain('this nests too deeply');
  });

  test('a byte order mark and Windows line ends are harmless', async () => {
    const text = `\ufeff${around('{ kind: ollama }')}\nextra: 1\n`.replaceAll('\n', '\r\n');
    expect(render(await load(text))).toMatch(
      /^routes.yaml:5:1: unknown key `extra`.*\n {2}extra: 1\n {2}\^\n1 problem$/,
    );
  });

  test('the key file is relative to routes.yaml, and trimmed', async () => {
    await writeFile(join(directory, 'routes.yaml'), around('{ kind: openai, apiKeyFile: key.txt }'));
    await writeFile(join(directory, 'key.txt'), `${SECRET}\n`);
    const result = await loadConfig({ file: join(directory, 'routes.yaml'), environment: {} });
    expect(result).toMatchObject({ ok: true, config: { routes: { upstreams: { it: { apiKey: SECRET } } } } });
    await writeFile(join(directory, 'key.txt'), `${SECRET}\n${SECRET}\n`);
    const bad = render(await loadConfig({ file: join(directory, 'routes.yaml'), environment: {} }));
    expect(bad).toContain('several lines');
    expect(bad).not.toContain(SECRET);
  });
});

describe('variables', () => {
  const modelFor = async (text: string, environment: Record<string, string> = {}) =>
    (
      await loadValid(
        around('{ kind: ollama }').replace('model: x', () => `model: ${text}`),
        environment,
      )
    ).routes.tiers[0]?.models[0]?.model;

  test.each([
    ['"${A}"', { A: 'one' }, 'one'],
    ['"${A}-${B}"', { A: 'one', B: 'two' }, 'one-two'],
    ['"${A:-other}"', {}, 'other'],
    ['"${A:-other}"', { A: '' }, 'other'],
    ['"${A:-a:-b}"', {}, 'a:-b'],
    ['"$${A}"', {}, '${A}'],
    ['"$A $$"', { A: 'one' }, '$A $$'],
    ['"${A}"', { A: '42' }, '42'],
    ['"${A}"', { A: '${B}' }, '${B}'],
  ])('%s with %o is %s', async (text, environment, value) => {
    expect(await modelFor(text, environment as Record<string, string>)).toBe(value);
  });

  test('fill in numbers and true or false, with and without quotes', async () => {
    const text = around('{ kind: ollama, connections: "${N:-16}", free: "${F}" }').replace(
      'tiers: [{ name: small, models: [{ upstream: it, model: x }] }]',
      'tiers:\n- name: small\n  models:\n  - upstream: it\n    model: x\n    weight: ${W}',
    );
    const { routes } = await loadValid(text, { F: 'false', W: '0.25' });
    expect(routes.upstreams['it']).toMatchObject({ connections: 16, free: false });
    expect(routes.tiers[0]?.models[0]?.weight).toBe(0.25);
    expect(render(await load(text, { F: 'false', W: 'heavy' }))).toContain('got what `${W}` stands for');
  });
});

describe('keys', () => {
  const upstreamFor = async (upstream: string, environment: Record<string, string> = {}) => {
    const { routes, missingKeys } = await loadValid(around(upstream), environment);
    return { apiKey: (routes.upstreams['it'] as { apiKey?: string }).apiKey, missing: missingKeys[0]?.variable };
  };

  test.each([
    ['a variable', '{ kind: openai, apiKey: "${KEY}" }', { KEY: ` ${SECRET}\n` }, SECRET, undefined],
    ['an unset variable leaves the upstream out', '{ kind: openai, apiKey: "${KEY}" }', {}, undefined, 'KEY'],
    ['an empty one too', '{ kind: openai, apiKey: "${KEY:-}" }', { KEY: '' }, undefined, 'KEY'],
    ['a local upstream is not concerned', '{ kind: vllm, apiKey: "${KEY}" }', {}, undefined, undefined],
    ['the usual variable', '{ kind: openai }', { OPENAI_API_KEY: SECRET }, SECRET, undefined],
    ['the usual variable is unset', '{ kind: groq }', {}, undefined, 'GROQ_API_KEY'],
    [
      'the usual variable does not go to another URL',
      '{ kind: openai, url: "https://example.com/v1" }',
      { OPENAI_API_KEY: SECRET },
      undefined,
      undefined,
    ],
    ['an endpoint without a key', '{ kind: openai-compatible, url: "http://x/v1" }', {}, undefined, undefined],
  ])('%s', async (_name, upstream, environment, apiKey, missing) => {
    expect(await upstreamFor(upstream, environment as Record<string, string>)).toEqual({ apiKey, missing });
  });
});

test.each([
  ['a misspelt key', `{ kind: openai, api_key: ${SECRET} }`],
  ['another misspelt key', `{ kind: openai, apiKye: ${SECRET} }`],
  ['a key by another name', `{ kind: openai, key: ${SECRET} }`],
  ['a key of a wrong kind', `{ kind: openai, apiKey: [${SECRET}] }`],
  ['a key beside a mistake', `{ kind: openai, apiKey: ${SECRET}, ulr: 1 }`],
  ['a default in the file', `{ kind: openai, apiKey: "\${KEY:-${SECRET}}", ulr: 1 }`],
  ['a header', `{ kind: openai, headers: { Authorization: "Bearer ${SECRET}" }, ulr: 1 }`],
  ['a password in the URL', `{ kind: openai, url: "ftp://me:${SECRET}@host/v1" }`],
  ['a quote that stays open', `{ kind: openai, apiKey: "${SECRET} }`],
  ['a line that is no YAML', `{ kind: openai, apiKey ${SECRET} } }`],
  ['a key over two lines', `{ kind: openai, ulr: 1, apiKey:\n    ${SECRET} }`],
  ['a key of many words', `{ kind: openai, apiKey: "${SECRET} ${SECRET}" }`],
  ['a variable in the wrong place', '{ kind: "${SECRET}", url: "${SECRET}", free: "${SECRET}" }'],
])('no message shows a secret: %s', async (_name, upstream) => {
  const result = await load(around(upstream), { SECRET });
  expect(result.ok).toBe(false);
  expect(JSON.stringify(result)).not.toContain(SECRET);
});

describe('a valid file', () => {
  test('may call an upstream by the name of a secret', async () => {
    expect((await loadValid(around('{ kind: ollama }').replaceAll('it', 'token'))).warnings).toEqual([]);
  });

  test('the one at the root loads without keys and without warnings', async () => {
    const result = await loadConfig({ file: 'routes.yaml', environment: {} });
    expect(result).toMatchObject({
      ok: true,
      config: { warnings: [], missingKeys: [{ upstream: 'openai', variable: 'OPENAI_API_KEY' }] },
    });
  });

  test('has a version by its bytes, defaults, durations in milliseconds and the lines of its routes', async () => {
    const config = await loadValid(around('{ kind: ollama, timeouts: { total: 1.5m } }'));
    expect(config.version).toMatch(/^[0-9a-f]{12}$/);
    expect(config.file).toBe(join(process.cwd(), 'routes.yaml'));
    expect(config.routeLines).toEqual({ default: 4 });
    expect(config.routes.upstreams['it']?.timeouts).toEqual({
      connect: 5_000,
      firstByte: 60_000,
      idle: 60_000,
      total: 90_000,
    });
    const other = await loadValid(`${around('{ kind: ollama, timeouts: { total: 1.5m } }')}\n# a comment`);
    expect(other.version).not.toBe(config.version);
    expect(other.routes).toEqual(config.routes);
  });

  test('may call its parts like members of Object', async () => {
    const text = around('{ kind: ollama }').replaceAll('it', 'constructor').replaceAll('small', 'toString');
    expect((await loadValid(text)).routeLines).toEqual({ default: 4 });
    expect(render(await load(text.replace('upstream: constructor', 'upstream: valueOf')))).toContain('`valueOf`');
  });
});

test('one problem in one line, for logs', async () => {
  const result = await load('version: 3');
  expect(result.ok ? [] : result.problems.map((problem) => formatProblem('a/routes.yaml', problem))).toContain(
    'a/routes.yaml:1:10: expected `1`, got the number 3',
  );
});
