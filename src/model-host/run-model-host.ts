import type { AddressInfo } from 'node:net';
import { systemClock } from '../lib/clock.ts';
import { Embedder } from './embeddings.ts';
import { ensureEngine } from './ensure-engine.ts';
import type { HostFlags } from './flags.ts';
import type { HostStatus } from './host-status.ts';
import { createHttpApp } from './http-app.ts';
import { listen } from './listen.ts';
import { type Loaded, type LoadedModel, loadModel, type ModelFacts } from './loaded-model.ts';
import { toGigabytes } from './machine-memory.ts';
import { resolveModel } from './model-source.ts';
import { Ranker } from './rerank.ts';
import { SequencePool } from './sequence-pool.ts';
import type { Services } from './services.ts';

const MAX_WAITING = 64;
const QUEUE_DEADLINE_MS = 30_000;
const PROGRESS_STEP = 0.02;

/**
 * Listens at once, then fetches and loads the model while `/healthz` says how far it is. Resolves when it is ready.
 * @param report is told each change of status.
 * @param log gets lines for operators; they never hold prompts.
 * @throws ModelHostError when starting again cannot help; anything else is a crash.
 */
export const runModelHost = async (
  flags: HostFlags,
  env: NodeJS.ProcessEnv,
  report: (status: HostStatus) => void,
  log: (line: string) => void,
): Promise<void> => {
  let status: HostStatus = { state: 'loading', detail: 'starting' };
  let services: Services | null = null;
  const change = (next: HostStatus) => {
    status = next;
    report(next);
  };

  const app = createHttpApp({
    name: flags.name,
    key: flags.key,
    status: () => status,
    services: () => services,
    clock: systemClock,
    onError: (error) => log(`request failed: ${error.stack}`),
  });
  const server = await listen(app, flags.address);
  if ('port' in flags.address) log(`listening on ${flags.address.host}:${(server.address() as AddressInfo).port}`);

  await ensureEngine(flags.engineDir, env, change);
  const paths = await resolveModel(flags.model, {
    modelsDir: flags.modelsDir,
    endpoint: env['HF_ENDPOINT'] || 'https://huggingface.co',
    token: env['HF_TOKEN'] || null,
    onProgress: ({ file, bytes, totalBytes }) => {
      const progress = bytes / totalBytes;
      change({ state: 'downloading', detail: `${file}: ${Math.floor(progress * 100)} %`, progress });
    },
  });
  const detail = `loading ${paths[0]}`;
  change({ state: 'loading', detail });
  const loaded = await loadModel({
    ...flags,
    paths,
    isSerial: env['UV_THREADPOOL_SIZE'] === '1',
    onProgress: (progress) => {
      // The last of these may come after the model has.
      if (!services && progress - (status.progress ?? 0) >= PROGRESS_STEP)
        change({ state: 'loading', detail, progress });
    },
    onLog: log,
  });
  services = toServices(flags, loaded);
  const { memoryBytes } = loaded.facts;
  change({ state: 'ready', detail: describe(flags, loaded.facts), memoryBytes });
  if (loaded.facts.hint) log(loaded.facts.hint);
};

const toServices = ({ name, parallel }: HostFlags, loaded: Loaded): Services => ({
  facts: loaded.facts,
  chat: loaded.chat && { name, loaded: loaded.chat, pool: createPool(loaded.chat, parallel) },
  embedder: loaded.facts.embeds ? new Embedder(loaded) : null,
  ranker: loaded.facts.ranks ? new Ranker(loaded) : null,
});

const createPool = ({ context, batches }: LoadedModel, parallel: number): SequencePool =>
  new SequencePool({
    sequences: Array.from({ length: parallel }, () => context.getSequence()),
    maxWaiting: MAX_WAITING,
    deadlineMs: QUEUE_DEADLINE_MS,
    clock: systemClock,
    between: (work) => batches.between(work),
  });

/** What runs where, in one line. */
const describe = ({ name, model, contextTokens, parallel, threads }: HostFlags, facts: ModelFacts): string => {
  const layers = facts.gpuLayers >= facts.layers ? 'all' : `${facts.gpuLayers} of ${facts.layers}`;
  const device =
    facts.gpu === 'off'
      ? `CPU, threads: ${threads}`
      : `${facts.gpu} (${facts.gpuDevices.join(', ')}), ${layers} layers on it, flash attention ${facts.flashAttention}, CPU threads: ${threads}`;
  const asked = facts.contextTokens < contextTokens ? ` (all it was trained on; ${contextTokens} were asked for)` : '';
  const served =
    facts.task === 'chat'
      ? `${parallel} at a time, ${facts.contextTokens} tokens of context${asked}`
      : `for ${facts.task}, texts of up to ${facts.contextTokens} tokens${asked}`;
  const memory = `about ${toGigabytes(facts.memoryBytes)} of memory`;
  return `${name} is ${model} on ${device}; ${served}; ${memory}${facts.hint ? `; ${facts.hint}` : ''}`;
};
