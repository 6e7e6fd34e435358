import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnHost } from '../src/model-host/spawn-host.ts';
import { runRound } from '../test/model-host/support/round.ts';

/**
 * Rounds of eight parallel streams against a real model host, `node scripts/soak-model-host.ts [rounds]`: prints its
 * resident memory every hundred rounds, and fails when an answer is wrong or a sequence stays taken.
 */
const rounds = Number(process.argv[2] ?? 1000);
const folder = mkdtempSync(join(tmpdir(), 'rightsize-soak-'));
const socketPath = join(folder, 'host.sock');

const ready = Promise.withResolvers<void>();
const child = spawnHost(
  {
    name: 'nano',
    model: 'builtin:nano',
    contextTokens: 1024,
    parallel: 8,
    gpu: 'off',
    threads: 1,
    environment: process.env,
    modelsDir: join(folder, 'models'),
    engineDir: join(folder, 'engine'),
    socketPath,
  },
  {
    onStatus: ({ state, detail }) => {
      if (state === 'ready') ready.resolve();
      if (state === 'failed') ready.reject(new Error(detail));
    },
    onLine: () => {},
    onExit: (how) => ready.reject(new Error(String(how))),
  },
);

const residentMegabytes = (): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024);

const freeSequences = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const asking = request({ socketPath, path: '/healthz' }, async (response) => {
      let text = '';
      for await (const piece of response) text += piece;
      resolve(JSON.parse(text).sequences.free);
    });
    asking.once('error', reject).end();
  });

try {
  await ready.promise;
  const startedAt = performance.now();
  for (let round = 1; round <= rounds; round++) {
    await runRound(socketPath, round);
    if (round % 100 !== 0 && round !== 10) continue;
    for (let tries = 0; (await freeSequences()) < 8; tries++) {
      if (tries === 100) throw new Error('a sequence stays taken');
      await new Promise((resume) => setTimeout(resume, 20));
    }
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    console.log(JSON.stringify({ round, residentMegabytes: residentMegabytes(), seconds }));
  }
} finally {
  child.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}
