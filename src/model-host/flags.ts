import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { GPU_CHOICES, type GpuChoice } from './engine.ts';
import type { ListenAddress } from './listen.ts';
import { defaultThreads } from './threads.ts';

export type HostFlags = {
  name: string;
  /** A GGUF path, `builtin:nano`, or `hf:owner/repo[:quant]` / `hf:owner/repo/file.gguf`. */
  model: string;
  address: ListenAddress;
  key: string | null;
  contextTokens: number;
  parallel: number;
  gpu: GpuChoice;
  threads: number;
  modelsDir: string;
  engineDir: string;
};

export const HOST_USAGE = `usage: rightsize model-host --name <id> --model <file.gguf | builtin:nano | hf:owner/repo:quant>
         --socket <path> | --listen <host:port>   (with RIGHTSIZE_MODEL_HOST_KEY or RIGHTSIZE_MODEL_HOST_KEY_FILE)
         [--context-tokens 8192] [--parallel 4] [--gpu auto|cuda|vulkan|metal|off] [--threads N]
         [--models-dir data/models] [--engine-dir data/engine]`;

/** @throws Error in words when a flag is unknown, missing or out of range. */
export const parseFlags = (args: string[], env: NodeJS.ProcessEnv): HostFlags => {
  const text = { type: 'string' } as const;
  const dataDir = env['RIGHTSIZE_DATA_DIR'] ?? 'data';
  const { values } = parseArgs({
    args,
    options: {
      name: text,
      model: text,
      socket: text,
      listen: text,
      'context-tokens': { ...text, default: '8192' },
      parallel: { ...text, default: '4' },
      gpu: { ...text, default: 'auto' },
      threads: { ...text, default: env['RIGHTSIZE_THREADS'] ?? String(defaultThreads()) },
      'models-dir': { ...text, default: `${dataDir}/models` },
      'engine-dir': { ...text, default: `${dataDir}/engine` },
    },
  });
  if (!values.model) throw new Error('--model is missing');
  if (!values.socket === !values.listen) throw new Error('one of --socket and --listen is needed');
  const gpu = GPU_CHOICES.find((choice) => choice === values.gpu);
  if (!gpu) throw new Error(`--gpu must be one of ${GPU_CHOICES.join(', ')}`);
  return {
    name: values.name ?? 'local',
    model: values.model,
    address: values.socket ? { socketPath: values.socket } : parseListen(values.listen!),
    key: values.listen ? readKey(env) : null,
    contextTokens: integer('--context-tokens', values['context-tokens'], 64, 10_000_000),
    parallel: integer('--parallel', values.parallel, 1, 256),
    gpu,
    threads: integer('--threads', values.threads, 1, 1024),
    modelsDir: values['models-dir'],
    engineDir: values['engine-dir'],
  };
};

const parseListen = (listen: string): ListenAddress => {
  const [, host, port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(listen) ?? [];
  if (!host || !port) throw new Error('--listen must be host:port, e.g. 127.0.0.1:8788');
  return { host, port: integer('--listen', port, 0, 65_535) };
};

const readKey = (env: NodeJS.ProcessEnv): string => {
  const file = env['RIGHTSIZE_MODEL_HOST_KEY_FILE'];
  const key = env['RIGHTSIZE_MODEL_HOST_KEY'] ?? (file ? readFileSync(file, 'utf8').trim() : '');
  if (key === '') throw new Error('--listen needs a key in RIGHTSIZE_MODEL_HOST_KEY or RIGHTSIZE_MODEL_HOST_KEY_FILE');
  return key;
};

const integer = (flag: string, text: string, minimum: number, maximum: number): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return value;
  throw new Error(`${flag} must be a whole number from ${minimum} to ${maximum}`);
};
