import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { systemClock } from '../lib/clock.ts';
import type { Serving } from './answer-chat.ts';
import type { HostFlags } from './flags.ts';
import type { HostStatus } from './host-status.ts';
import { createHttpApp } from './http-app.ts';
import { listen } from './listen.ts';
import { type LoadedModel, loadModel } from './loaded-model.ts';
import { resolveModel } from './model-source.ts';
import { SequencePool } from './sequence-pool.ts';

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
  let serving: Serving | null = null;
  const change = (next: HostStatus) => {
    status = next;
    report(next);
  };

  const app = createHttpApp({
    name: flags.name,
    key: flags.key,
    status: () => status,
    serving: () => serving,
    clock: systemClock,
    onError: (error) => log(`request failed: ${error.stack}`),
  });
  const server = await listen(getRequestListener(app.fetch), flags.address);
  if ('port' in flags.address) log(`listening on ${flags.address.host}:${(server.address() as AddressInfo).port}`);

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
    onProgress: (progress) => {
      if (progress - (status.progress ?? 0) >= PROGRESS_STEP) change({ state: 'loading', detail, progress });
    },
    onLog: log,
  });
  serving = { name: flags.name, loaded, pool: createPool(loaded, flags.parallel) };
  change({ state: 'ready', detail: describe(flags, loaded) });
};

const createPool = ({ context }: LoadedModel, parallel: number): SequencePool =>
  new SequencePool({
    sequences: Array.from({ length: parallel }, () => context.getSequence()),
    maxWaiting: MAX_WAITING,
    deadlineMs: QUEUE_DEADLINE_MS,
    clock: systemClock,
  });

const describe = ({ name, model, contextTokens, parallel, threads }: HostFlags, { facts }: LoadedModel): string => {
  const device = facts.gpu === 'off' ? `CPU, threads: ${threads}` : `${facts.gpu}, ${facts.gpuLayers} layers on it`;
  const asked = facts.contextTokens < contextTokens ? ` (all it was trained on; ${contextTokens} were asked for)` : '';
  return `${name} is ${model} on ${device}; ${parallel} at a time, ${facts.contextTokens} tokens of context${asked}`;
};
