import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { checkClock, checkDataDir, checkNode, checkPort } from '../../src/cli/doctor/check-machine.ts';
import { checkUpstreams } from '../../src/cli/doctor/check-upstreams.ts';
import { doctorCommand } from '../../src/cli/doctor/doctor.ts';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { loadConfig } from '../../src/config/load.ts';
import { readSettings } from '../../src/settings.ts';
import { runCommand } from '../support/command-context.ts';
import { CLOSED_URL } from '../support/faulty-upstream.ts';
import { runCli, temporaryDirectory } from '../support/run-cli.ts';
import { startGateway } from '../support/start-gateway.ts';

const folder = temporaryDirectory();
afterAll(() => rmSync(folder, { recursive: true }));
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});
const listen = async (answer: RequestListener): Promise<{ url: string; port: number }> => {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, port };
};
const models =
  (...ids: string[]): RequestListener =>
  ({ headers }, response) => {
    const isAllowed = headers.authorization === 'Bearer sk-good';
    response.writeHead(isAllowed ? 200 : 401, { 'content-type': 'application/json' });
    response.end(isAllowed ? JSON.stringify({ data: ids.map((id) => ({ id })) }) : '{"error":{"message":"no"}}');
  };

let count = 0;
/** The findings for these upstreams, each with one model `m` in a tier of its own. */
const diagnose = async (upstreams: Record<string, object>, environment: Record<string, string> = {}) => {
  const file = join(folder, `routes-${++count}.yaml`);
  const tiers = Object.keys(upstreams).map((upstream) => ({
    name: `tier-${upstream}`,
    models: [{ upstream, ...((upstreams[upstream] as { kind: string }).kind !== 'llama' && { model: 'm' }) }],
  }));
  const routes = [{ name: 'default', tier: tiers[0]!.name }];
  writeFileSync(file, JSON.stringify({ version: 1, upstreams, tiers, routes }));
  const { code, stdout } = await runCommand(
    (context) => doctorCommand({ config: file, dataDir: folder, port: '0', json: true }, context),
    environment,
  );
  const { ok, findings } = JSON.parse(stdout) as { ok: boolean; findings: Finding[] };
  expect(ok).toBe(code === 0);
  return { code, of: (check: string) => findings.find((finding) => finding.check === check) };
};

describe('an upstream', () => {
  const remote = (url: string, apiKey = 'sk-good') => ({ kind: 'openai-compatible', url, apiKey });

  test('that answers, takes the key and has the model is well', async () => {
    const { url } = await listen(models('m', 'n'));
    const { code, of } = await diagnose({ a: remote(url) });
    expect(code).toBe(0);
    expect(of('upstream a')).toMatchObject({
      state: 'ok',
      detail: expect.stringContaining('accepts the key and has 2 models'),
    });
    expect(of('tiers')?.state).toBe('ok');
  });

  test('that rejects the key is broken, and the key is not shown', async () => {
    const { url } = await listen(models('m'));
    const { code, of } = await diagnose({ a: remote(url, 'sk-wrong') });
    expect(code).toBe(1);
    expect(of('upstream a')).toMatchObject({
      state: 'broken',
      detail: expect.stringContaining('rejects the key (401)'),
    });
    expect(JSON.stringify(of('upstream a'))).not.toContain('sk-wrong');
    expect(of('tiers')).toMatchObject({ state: 'broken' });
  });

  test('that has other models is a warning that names some of them', async () => {
    const { url } = await listen(models('x', 'y'));
    const { code, of } = await diagnose({ a: remote(url) });
    expect(code).toBe(0);
    expect(of('upstream a')).toMatchObject({ state: 'warning', advice: expect.stringContaining('x, y') });
  });

  test('that has no list of models is well as far as one can know', async () => {
    const { url } = await listen((_, response) => response.writeHead(404).end('nope'));
    const { of } = await diagnose({ a: remote(url) });
    expect(of('upstream a')).toMatchObject({ state: 'ok', detail: expect.stringContaining('not checked') });
  });

  test('where nothing listens is broken', async () => {
    const { code, of } = await diagnose({ a: remote(CLOSED_URL) });
    expect(code).toBe(1);
    expect(of('upstream a')).toMatchObject({ state: 'broken', detail: expect.stringContaining('ECONNREFUSED') });
  });

  test('without its key is left out, and its tier with it', async () => {
    const { url } = await listen(models('m'));
    const { code, of } = await diagnose({ a: remote(url), b: { kind: 'openai' } });
    expect(code).toBe(0);
    expect(of('upstream b')).toMatchObject({ state: 'warning', advice: 'set OPENAI_API_KEY' });
    expect(of('tiers')).toMatchObject({ state: 'warning', detail: expect.stringContaining('tier-b') });
  });

  test('that tells another time makes the clock a warning', async () => {
    const { url } = await listen((_, response) => {
      response.setHeader('date', new Date(Date.now() - 3_600_000).toUTCString());
      response.end(JSON.stringify({ data: [{ id: 'm' }] }));
    });
    expect((await diagnose({ a: remote(url) })).of('clock')).toMatchObject({
      state: 'warning',
      detail: expect.stringContaining('60 minutes'),
    });
  });
});

describe('a local model', () => {
  test('that is here and fits is well, with its engine', async () => {
    const { code, of } = await diagnose({ box: { kind: 'llama', model: 'builtin:nano' } });
    expect(code).toBe(0);
    expect(of('upstream box')).toMatchObject({ state: 'ok', detail: expect.stringContaining('needs about') });
    expect(of('engine')?.state).toBe('ok');
  });

  test('that is not downloaded yet is a warning with the command; one that is no file is broken', async () => {
    const { of } = await diagnose({
      a: { kind: 'llama', model: 'hf:owner/repo:Q4_K_M' },
      b: { kind: 'llama', model: 'gone.gguf' },
    });
    expect(of('upstream a')).toMatchObject({ state: 'warning', advice: 'rightsize models pull hf:owner/repo:Q4_K_M' });
    expect(of('upstream b')).toMatchObject({ state: 'broken', detail: expect.stringContaining('gone.gguf') });
  });

  test('that needs more memory than there is, is broken', async () => {
    const file = join(folder, 'memory.yaml');
    const upstreams = { box: { kind: 'llama', model: 'builtin:nano' } };
    const tiers = [{ name: 'only', models: [{ upstream: 'box' }] }];
    writeFileSync(file, JSON.stringify({ version: 1, upstreams, tiers, routes: [{ name: 'default', tier: 'only' }] }));
    const loaded = await loadConfig({ file, environment: {} });
    if (!loaded.ok) throw new Error('the file does not load');
    const tiny = async () => ({ ram: { totalBytes: 1e6, freeBytes: 1e6 }, accelerator: null });
    const { findings, able } = await checkUpstreams(loaded.config, readSettings({}, {}), 1_000, tiny);
    expect(findings).toMatchObject([{ state: 'broken', advice: expect.stringContaining('smaller') }]);
    expect(able.size).toBe(0);
  });
});

describe('the machine', () => {
  const settings = (port: number) => readSettings({ port: String(port) }, {});

  test('a Node that is too old is broken', () => {
    expect(checkNode('22.18.9').state).toBe('broken');
    expect(checkNode('22.19.0').state).toBe('ok');
    expect(checkNode('24.0.0').state).toBe('ok');
  });

  test('a folder that cannot be is broken, one to be made is well', () => {
    expect(checkDataDir(join(import.meta.filename, 'data')).state).toBe('broken');
    expect(checkDataDir(join(folder, 'a/b/c'))).toMatchObject({
      state: 'ok',
      detail: expect.stringContaining('will be made'),
    });
    expect(checkDataDir(folder).state).toBe('ok');
  });

  test('a port of ours is told from a port of another program', async () => {
    const other = await listen((_, response) => response.end('hello'));
    expect(await checkPort(settings(other.port), 1_000)).toMatchObject({ state: 'broken' });
    const gateway = await startGateway({
      routes: {
        version: 1,
        upstreams: { a: { kind: 'openai-compatible', url: CLOSED_URL } },
        tiers: [{ name: 'only', models: [{ upstream: 'a', model: 'm' }] }],
        routes: [{ name: 'default', tier: 'only' }],
      },
    });
    const { port } = new URL(gateway.url);
    expect(await checkPort(settings(Number(port)), 1_000)).toMatchObject({
      state: 'ok',
      detail: expect.stringMatching(/gateway.*ready/),
    });
    await gateway.close();
    expect(await checkPort(settings(Number(port)), 1_000)).toMatchObject({
      state: 'ok',
      detail: expect.stringContaining('free'),
    });
  });

  test('a clock from before this program is broken', () => {
    expect(checkClock(0, []).state).toBe('broken');
    expect(checkClock(Date.parse('2026-11-22T12:00:00Z'), ['Sun, 22 Nov 2026 12:01:00 GMT']).state).toBe('ok');
  });

  test('an open door without a key is broken', async () => {
    const run = (flags: object) =>
      runCommand((context) =>
        doctorCommand({ host: '0.0.0.0', port: '0', json: true, dataDir: folder, ...flags }, context),
      );
    const stateOf = async (flags: object) =>
      (JSON.parse((await run(flags)).stdout) as { findings: Finding[] }).findings.find(({ check }) => check === 'key')
        ?.state;
    expect(await stateOf({})).toBe('broken');
    expect(await stateOf({ insecure: true })).toBe('warning');
  });
});

test('a routes.yaml that does not load is broken, and the rest is looked at all the same', async () => {
  const file = join(folder, 'broken.yaml');
  writeFileSync(file, 'version: 7\n');
  const { code, stdout } = await runCli(['doctor', '--config', file, '--port', '0', '--data-dir', folder]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^broken {3}routes .*broken\.yaml/m);
  expect(stdout).toMatch(/-> rightsize check/);
  expect(stdout).toMatch(/^ok {7}node/m);
});

test('Redis that does not answer is a warning: the gateway works without', async () => {
  const { code, of } = await diagnose(
    { box: { kind: 'llama', model: 'builtin:nano' } },
    { REDIS_URL: 'redis://user:pw-secret@127.0.0.1:1' },
  );
  expect(code).toBe(0);
  expect(of('redis')).toMatchObject({ state: 'warning', detail: expect.stringContaining('127.0.0.1:1') });
  expect(JSON.stringify(of('redis'))).not.toContain('pw-secret');
});
