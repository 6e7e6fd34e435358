import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { FaultyUpstream } from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';
import { badFiles, largerThanMemory } from './support/bad-files.ts';
import { temporaryFolder, writeModel } from './support/test-models.ts';

const LIMIT_MS = 60_000;
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

/** A gateway with these local models in its small tier, and another server in its large one. */
const start = async (models: Record<string, { model: string }>): Promise<TestGateway> => {
  const cloud = await FaultyUpstream.start();
  const local = { kind: 'llama', gpu: 'off', threads: 1, contextTokens: 512, parallel: 2 };
  const gateway = await startGateway({
    routes: {
      version: 1,
      upstreams: {
        ...Object.fromEntries(Object.entries(models).map(([name, model]) => [name, { ...local, ...model }])),
        cloud: { kind: 'openai-compatible', url: cloud.url },
      },
      tiers: [
        { name: 'small', models: Object.keys(models).map((upstream) => ({ upstream })) },
        { name: 'large', models: [{ upstream: 'cloud', model: 'large-1' }] },
      ],
      routes: [{ name: 'default', match: { model: 'auto' }, tier: 'small' }],
    },
  });
  open.push(cloud, gateway);
  return gateway;
};

type Ready = { upstreams: Record<string, { state: string; detail: string }> };
const readyz = async ({ url }: TestGateway) => ((await (await fetch(`${url}/readyz`)).json()) as Ready).upstreams;
const ask = (gateway: TestGateway, fields: object = {}, signal: AbortSignal | null = null) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 3, ...fields }),
    signal,
  });
const tierOf = async (gateway: TestGateway) => {
  const answer = await ask(gateway);
  expect(answer.status).toBe(200);
  await answer.text();
  return answer.headers.get('x-rightsize-tier');
};
const isReady = (gateway: TestGateway, name: string) =>
  until(async () => (await readyz(gateway))[name]?.state === 'ready', LIMIT_MS);

/** The processes of this gateway's model hosts, as the system knows them. */
const hostPids = ({ dataDir }: TestGateway): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${dataDir}/run/model-host`);
      } catch {
        return false;
      }
    })
    .map(Number);

test(
  'damaged, hostile and oversized model files are each refused in words, and the gateway answers on',
  async () => {
    const folder = temporaryFolder();
    const files = [...badFiles(folder), ['larger than memory', largerThanMemory(folder), /of memory/] as const];
    const models = Object.fromEntries(files.map(([, model], index) => [`bad-${index}`, { model }]));
    const gateway = await start(models);
    expect(await tierOf(gateway)).toBe('large');
    for (const [index, [, , words]] of files.entries()) {
      const failed = await until(async () => {
        const state = (await readyz(gateway))[`bad-${index}`];
        return state?.state === 'down' ? state : null;
      }, LIMIT_MS);
      expect(failed.detail).toMatch(words);
    }
    expect(await tierOf(gateway)).toBe('large');
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
  },
  2 * LIMIT_MS,
);

test.runIf(process.platform === 'linux')(
  'a segmentation fault of the engine is told in words, costs no other request, and heals',
  async () => {
    const gateway = await start({ local: { model: 'builtin:nano' } });
    await isReady(gateway, 'local');
    expect(await tierOf(gateway)).toBe('small');
    const [pid] = hostPids(gateway);
    process.kill(pid!, 'SIGSEGV');
    const told = await until(async () => {
      const { detail } = (await readyz(gateway))['local']!;
      return /SIGSEGV/.test(detail) && detail;
    }, LIMIT_MS);
    expect(told).toMatch(/killed by SIGSEGV: the engine crashed in native code/);
    expect(['small', 'large']).toContain(await tierOf(gateway));
    await isReady(gateway, 'local');
    expect(await tierOf(gateway)).toBe('small');
    expect(hostPids(gateway)).toHaveLength(1);
  },
  LIMIT_MS,
);

test(
  'a storm of aborted requests leaves the model idle and answering',
  async () => {
    // It never ends an answer by itself: what is not aborted would run on.
    const gateway = await start({ local: { model: writeModel(join(temporaryFolder(), 'endless.gguf')) } });
    await isReady(gateway, 'local');
    await Promise.all(
      Array.from({ length: 150 }, async (_, index) => {
        const leave = new AbortController();
        const answer = ask(gateway, { stream: index % 2 === 0, max_tokens: 400 }, leave.signal);
        setTimeout(() => leave.abort(), index * 5);
        await answer.then((response) => response.text()).catch(() => {});
      }),
    );
    const started = performance.now();
    expect(await tierOf(gateway)).toBe('small');
    expect(performance.now() - started).toBeLessThan(10_000);
  },
  LIMIT_MS,
);
