import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parseModelSpec, type ResolveOptions, resolveModel } from '../../src/model-host/model-source.ts';
import { type HubFaults, type HubServer, startHub } from './support/hub-server.ts';
import { temporaryFolder } from './support/test-models.ts';

const CONTENT = randomBytes(9_000_000);
const FILES = {
  'Model-Q4_K_M.gguf': CONTENT,
  'Model-Q8_0.gguf': Buffer.from('eight'),
  'mmproj-Model-Q8_0.gguf': Buffer.from('eyes'),
  'Model-UD-Q4_K_XL.gguf': Buffer.from('xl'),
  'big/Model-BF16-00001-of-00002.gguf': Buffer.from('part one'),
  'big/Model-BF16-00002-of-00002.gguf': Buffer.from('part two'),
  'README.md': Buffer.from('# Model'),
};

const servers: HubServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const setUp = async (faults: HubFaults = {}, files: Record<string, Buffer> = FILES) => {
  const hub = await startHub(files, faults);
  servers.push(hub);
  const progress: number[] = [];
  const options: ResolveOptions = {
    modelsDir: temporaryFolder(),
    endpoint: hub.endpoint,
    token: null,
    onProgress: ({ bytes, totalBytes }) => progress.push(bytes / totalBytes),
  };
  return { hub, progress, options, at: (file: string) => join(options.modelsDir, 'owner/repo', file) };
};

test.each([
  ['builtin:nano', { kind: 'path', path: expect.stringMatching(/\/models\/nano\/.*\.gguf$/) }],
  ['./some/model.gguf', { kind: 'path', path: './some/model.gguf' }],
  ['hf:a/b', { kind: 'hub', repository: 'a/b', wanted: null }],
  ['hf:a/b-GGUF:q4_k_m', { kind: 'hub', repository: 'a/b-GGUF', wanted: { quant: 'q4_k_m' } }],
  ['hf:a/b/sub/c.gguf', { kind: 'hub', repository: 'a/b', wanted: { file: 'sub/c.gguf' } }],
])('%s is understood', (spec, parsed) => {
  expect(parseModelSpec(spec)).toEqual(parsed);
});

test.each(['hf:', 'hf:a', 'hf:a/b/c.bin', 'hf:../b', 'hf:a/..', 'hf:a/b/../../c.gguf'])('%s is refused', (spec) => {
  expect(() => parseModelSpec(spec)).toThrow(/write hf:owner\/repo/);
});

describe('a quantisation', () => {
  test.each([
    ['hf:owner/repo', ['Model-Q4_K_M.gguf']],
    ['hf:owner/repo:q8_0', ['Model-Q8_0.gguf']],
    ['hf:owner/repo:Q4_K_XL', ['Model-UD-Q4_K_XL.gguf']],
    ['hf:owner/repo:BF16', ['big/Model-BF16-00001-of-00002.gguf', 'big/Model-BF16-00002-of-00002.gguf']],
    ['hf:owner/repo/Model-Q8_0.gguf', ['Model-Q8_0.gguf']],
  ])('of %s is found, with all its parts', async (spec, files) => {
    const { options, at } = await setUp();
    const paths = await resolveModel(spec, options);
    expect(paths).toEqual(files.map(at));
    for (const [index, path] of paths.entries()) {
      expect(readFileSync(path).equals(FILES[files[index] as keyof typeof FILES])).toBe(true);
    }
  });

  test('that does not exist is answered with those that do', async () => {
    const { options } = await setUp();
    await expect(resolveModel('hf:owner/repo:Q2_K', options)).rejects.toThrow(/does not exist.*Model-Q8_0\.gguf/);
  });
});

describe('a download', () => {
  test('reports its progress and is not repeated, even without a network', async () => {
    const { hub, progress, options } = await setUp();
    const first = await resolveModel('hf:owner/repo', options);
    expect(progress[0]).toBe(0);
    expect(progress.at(-1)).toBe(1);
    hub.close();
    expect(await resolveModel('hf:owner/repo:Q4_K_M', options)).toEqual(first);
  });

  test('that breaks off is continued where it stopped', async () => {
    const { hub, options, at } = await setUp({ breakAfterBytes: 5_000_000 });
    await resolveModel('hf:owner/repo', options);
    expect(readFileSync(at('Model-Q4_K_M.gguf')).equals(CONTENT)).toBe(true);
    expect(hub.requests.at(-1)).toMatch(/Model-Q4_K_M\.gguf bytes=[1-9]\d+-$/);
  });

  test.each([false, true])('of an earlier run is continued; server without ranges: %s', async (ignoresRanges) => {
    const { hub, options, at } = await setUp({ ignoresRanges });
    mkdirSync(at(''), { recursive: true });
    writeFileSync(at('Model-Q4_K_M.gguf.part'), CONTENT.subarray(0, 4_000_000));
    await resolveModel('hf:owner/repo', options);
    expect(hub.requests.at(-1)).toMatch(/bytes=4000000-$/);
    expect(readFileSync(at('Model-Q4_K_M.gguf')).equals(CONTENT)).toBe(true);
  });

  test('with a wrong checksum is deleted and says so', async () => {
    const { options, at } = await setUp({ wrongChecksum: true });
    await expect(resolveModel('hf:owner/repo', options)).rejects.toThrow(/checksum is not the one announced/);
    expect(readdirSync(at(''))).toEqual([]);
  });

  test('that stalls ends within its limit and keeps what it has', async () => {
    const { options, at } = await setUp({ stallAfterBytes: 100_000 });
    const impatient = { ...options, idleTimeoutMs: 200 };
    await expect(resolveModel('hf:owner/repo', impatient)).rejects.toThrow(
      /nothing came for 0.2 s.*Start again to continue/,
    );
    expect(readFileSync(at('Model-Q4_K_M.gguf.part')).length).toBeGreaterThanOrEqual(100_000);
  });
});

describe('what goes wrong is said with what to do', () => {
  test('no access', async () => {
    const { options } = await setUp({ token: 'secret' });
    await expect(resolveModel('hf:owner/repo', options)).rejects.toThrow(/refuses .* \(401\).*HF_TOKEN/);
    expect(await resolveModel('hf:owner/repo:Q8_0', { ...options, token: 'secret' })).toHaveLength(1);
  });

  test('no room on the disk, before a byte is fetched', async () => {
    const { hub, options } = await setUp({ announcedBytes: 2 ** 52 });
    await expect(resolveModel('hf:owner/repo', options)).rejects.toThrow(
      /needs 4503599\.6 GB and the disk .* Make room/,
    );
    expect(hub.requests.some((request) => request.includes('resolve'))).toBe(false);
  });

  test('no such repository', async () => {
    const { options } = await setUp();
    await expect(resolveModel('hf:owner/other', options)).rejects.toThrow(/404.*Check the owner/);
  });

  test('a server that is not a hub', async () => {
    const { options } = await setUp({}, { 'api/models/owner/other/tree/main': Buffer.from('x') });
    await expect(resolveModel('hf:owner/repo', { ...options, endpoint: `${options.endpoint}/x` })).rejects.toThrow(
      /404/,
    );
  });

  test('no network: a port that refuses, and a server that never answers', async () => {
    const { hub, options } = await setUp();
    hub.close();
    const advice = /cannot be reached.*HF_ENDPOINT.*GGUF file that is on this machine/;
    await expect(resolveModel('hf:owner/repo', options)).rejects.toThrow(advice);
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const endpoint = `http://127.0.0.1:${port}`;
    await expect(resolveModel('hf:owner/repo', { ...options, endpoint, connectTimeoutMs: 300 })).rejects.toThrow(
      /no answer within 0.3 s/,
    );
    silent.close();
  });
});
