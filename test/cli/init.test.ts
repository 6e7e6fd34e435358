import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { findServers } from '../../src/cli/found-servers.ts';
import { initCommand } from '../../src/cli/init.ts';
import { STARTER_MODELS, starterRoutes } from '../../src/cli/starter-routes.ts';
import { loadConfig } from '../../src/config/load.ts';
import { UPSTREAM_DEFAULTS } from '../../src/config/upstream-defaults.ts';
import type { UpstreamKind } from '../../src/contract/vocabulary.ts';
import { loadPrices } from '../../src/ledger/price-book.ts';
import { runCommand } from '../support/command-context.ts';
import { runCli, temporaryDirectory } from '../support/run-cli.ts';

const folder = temporaryDirectory();
afterAll(() => rmSync(folder, { recursive: true }));

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});
/** A server that answers `GET /v1/models` with `body`; null for silence. */
const serve = async (body: unknown): Promise<number> => {
  const server = createServer((request, response) => {
    if (body === null) return;
    const isList = request.url === '/v1/models';
    response.writeHead(isList ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isList ? body : {}));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};
const list = (...models: { id: string; owned_by?: string }[]) => ({ object: 'list', data: models });

describe('what runs on this machine is known by what it says of itself', () => {
  test.each<[string, unknown, UpstreamKind]>([
    ['Ollama', list({ id: 'qwen3:8b', owned_by: 'library' }), 'ollama'],
    ['LM Studio', list({ id: 'qwen/qwen3-4b', owned_by: 'organization_owner' }), 'lm-studio'],
    ['llama-server', list({ id: 'gemma-3-4b', owned_by: 'llamacpp' }), 'llama-server'],
    ['vLLM', list({ id: 'meta-llama/Llama-3.3-70B', owned_by: 'vllm' }), 'vllm'],
  ])('%s', async (_, body, kind) => {
    const port = await serve(body);
    const found = await findServers(2_000, [{ port, kind: 'mlx' }]);
    expect(found).toEqual([{ kind, url: `http://127.0.0.1:${port}/v1`, models: [expect.any(String)] }]);
  });

  test('embedding models answer no chats', async () => {
    const port = await serve(
      list({ id: 'nomic-embed-text', owned_by: 'library' }, { id: 'qwen3:8b', owned_by: 'library' }),
    );
    expect((await findServers(2_000, [{ port, kind: 'ollama' }]))[0]?.models).toEqual(['qwen3:8b']);
  });

  test('what is silent, no model server, or a gateway of ours is left out', async () => {
    const ports = await Promise.all([
      serve(null),
      serve({ hello: 'world' }),
      serve(list({ id: 'auto', owned_by: 'rightsize' })),
    ]);
    const places = [...ports, 1].map((port) => ({ port, kind: 'ollama' as const }));
    expect(await findServers(200, places)).toEqual([]);
  });
});

describe('the file that is written', () => {
  const keys = (...kinds: UpstreamKind[]) => new Set(kinds.map((kind) => UPSTREAM_DEFAULTS[kind].keyVariable!));
  const ollama = { kind: 'ollama' as const, url: 'http://127.0.0.1:11434/v1', models: ['qwen3:8b', 'x"\n- y: {'] };
  const cases: [string, Parameters<typeof starterRoutes>[0]][] = [
    ['nothing', { variables: new Set<string>(), servers: [] }],
    ['a server alone', { variables: new Set<string>(), servers: [ollama] }],
    ['a server and a key', { variables: keys('anthropic'), servers: [ollama] }],
    [
      'every key',
      {
        variables: new Set([...keys(...(Object.keys(STARTER_MODELS) as UpstreamKind[])), 'AZURE_OPENAI_API_KEY']),
        servers: [],
      },
    ],
    [
      'two servers of a kind',
      { variables: keys('openai'), servers: [ollama, { ...ollama, url: 'http://127.0.0.1:8080/v1' }] },
    ],
    ['a server without models', { variables: keys('openai'), servers: [{ ...ollama, models: [] }] }],
    [
      'a model with an evil name',
      { variables: keys('openai'), servers: [{ ...ollama, models: [ollama.models[1]!, 'b\nc: d'] }] },
    ],
  ];
  test.each(cases)('passes the check for %s', async (name, found) => {
    const file = join(folder, `${name.replaceAll(' ', '-')}.yaml`);
    writeFileSync(file, starterRoutes(found));
    const environment = Object.fromEntries([...found.variables].map((variable) => [variable, 'sk-x']));
    const loaded = await loadConfig({ file, environment });
    expect(loaded.ok ? loaded.config.warnings : loaded.problems).toEqual([]);
    if (!loaded.ok) return;
    const { upstreams, tiers } = loaded.config.routes;
    expect(tiers.map((tier) => tier.name)).toEqual(['small', 'large']);
    expect(tiers.flatMap(({ models }) => models).every(({ upstream }) => upstream in upstreams)).toBe(true);
    expect(tiers[0]!.models[0]!.upstream).toBe(
      found.servers.some(({ models }) => models.length > 0) ? 'ollama' : found.variables.size > 0 ? 'openai' : 'box',
    );
  });

  test('names models that have a list price, but for two providers whose file says so', () => {
    const { list: prices } = loadPrices(folder);
    const named = (Object.keys(STARTER_MODELS) as UpstreamKind[]).filter(
      (kind) => kind !== 'deepseek' && kind !== 'openrouter',
    );
    const unpriced = named.flatMap((kind) =>
      Object.values(STARTER_MODELS[kind]!).filter((model) => !JSON.stringify(prices).includes(`"${model}"`)),
    );
    expect(unpriced).toEqual([]);
    expect(starterRoutes({ variables: new Set(['DEEPSEEK_API_KEY']), servers: [] })).toContain('No list price');
  });
});

describe('rightsize init', () => {
  const none = async () => [];

  test('never replaces a file unless it is told to', async () => {
    const file = join(folder, 'mine.yaml');
    writeFileSync(file, 'mine');
    await expect(runCommand((context) => initCommand(file, {}, context, none))).rejects.toThrow(/--force/);
    expect(readFileSync(file, 'utf8')).toBe('mine');
    const { code, stderr } = await runCommand((context) => initCommand(file, { force: true }, context, none));
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('next: rightsize doctor') });
    expect(readFileSync(file, 'utf8')).toContain('version: 1');
  });

  test('writes no key into the file, and says what it found', async () => {
    const environment = { OPENAI_API_KEY: 'sk-secret', GROQ_API_KEY: ' ' };
    const { stdout, stderr } = await runCommand(
      (context) => initCommand(undefined, { stdout: true }, context, none),
      environment,
    );
    expect(stdout).toMatch(/apiKey: "\$\{OPENAI_API_KEY\}"/);
    expect(stdout).not.toMatch(/sk-secret|groq:/);
    expect(stderr).toBe('found a key for openai\n');
  });

  test('as a command writes a file that the check accepts', async () => {
    const file = join(folder, 'routes.yaml');
    const init = await runCli(['init', file]);
    expect(init.code).toBe(0);
    expect(await runCli(['check', file])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 of its tests passed'),
    });
    expect((await runCli(['init', file])).code).toBe(2);
  });
});
