import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnHost } from '../../src/model-host/spawn-host.ts';
import { ask, type Target } from './stream-chat.ts';

/** What both engines are started with. */
export type EngineOptions = { model: string; threads: number; parallel: number; contextTokens: number };

export type RunningEngine = {
  name: string;
  target: Target;
  /** From the start of the process until it answers, in milliseconds. */
  loadMs: number;
  peakMegabytes(): number | null;
  /** Processor time that its process has used so far, in milliseconds; null where the system does not tell. */
  processorMs(): number | null;
  stop(): Promise<void>;
};

/** The name under which both answer. */
export const MODEL_NAME = 'bench';
const START_LIMIT_MS = 120_000;
const POLL_MS = 5;

/** @param mainPath another build of the model host's program to measure in place of this one. */
export const startHost = (options: EngineOptions, directory: string, mainPath?: string): Promise<RunningEngine> => {
  const socketPath = join(directory, 'host.sock');
  const start = performance.now();
  const lines: string[] = [];
  return new Promise((resolve, reject) => {
    const child = spawnHost(
      {
        name: MODEL_NAME,
        ...options,
        gpu: 'off',
        environment: process.env,
        modelsDir: directory,
        engineDir: join(directory, 'engine'),
        socketPath,
        ...(mainPath && { mainPath }),
      },
      {
        onStatus: ({ state, detail }) => {
          if (state === 'failed') reject(new Error(detail));
          if (state === 'ready') resolve(running('model host', child, { socketPath }, performance.now() - start));
        },
        onLine: (line) => lines.push(line),
        onExit: (how) => reject(new Error(`${how}\n${lines.join('\n')}`)),
      },
    );
  });
};

/** llama.cpp's server, with what only it does (a cache of prompts in RAM) off. */
export const startLlamaServer = async (options: EngineOptions, program: string): Promise<RunningEngine> => {
  const port = await freePort();
  const start = performance.now();
  const child = spawn(
    program,
    [
      ...['--model', options.model, '--alias', MODEL_NAME, '--host', '127.0.0.1', '--port', `${port}`],
      ...['--threads', `${options.threads}`, '--threads-batch', `${options.threads}`],
      ...['--parallel', `${options.parallel}`, '--ctx-size', `${options.contextTokens * options.parallel}`],
      ...['--gpu-layers', '0', '--cache-ram', '0'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const output = tailOf(child);
  const target = { host: '127.0.0.1', port };
  await untilHealthy('llama-server', child, target, '/health', output);
  return running('llama-server', child, target, performance.now() - start);
};

export type RunningGateway = RunningEngine & {
  /** Its model host, asked without it. */
  hostTarget: Target;
  resetEventLoop(): void;
  /** How long its event loop was held up since the last reset, in milliseconds. */
  eventLoop(): Promise<{ p50: number; p99: number; max: number }>;
};

/** A gateway with everything on and one tier: the engine in the box with the model. */
export const startGateway = async (options: EngineOptions, directory: string): Promise<RunningGateway> => {
  const config = join(directory, 'routes.yaml');
  const dataDir = join(directory, 'data');
  writeFileSync(config, routesYaml(options));
  const start = performance.now();
  const child = spawn(
    process.execPath,
    [
      ...['--import', new URL('./event-loop-hook.ts', import.meta.url).href],
      ...[fileURLToPath(new URL('../../bin/rightsize.js', import.meta.url)), 'serve'],
      ...['--config', config, '--data-dir', dataDir, '--port', '0'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env: { PATH: process.env['PATH'], HOME: process.env['HOME'] } },
  );
  const output = tailOf(child);
  const port = await untilPort(child, output);
  const socketPath = await untilSocket(join(dataDir, 'run'), child, output);
  await untilHealthy('The model host', child, { socketPath }, '/healthz', output);
  return {
    ...running('gateway', child, { host: '127.0.0.1', port }, performance.now() - start),
    hostTarget: { socketPath },
    resetEventLoop: () => void child.send('reset'),
    eventLoop: async () => {
      const answer = once(child, 'message');
      child.send('read');
      return (await answer)[0];
    },
  };
};

const routesYaml = ({ model, threads, parallel, contextTokens }: EngineOptions): string => `version: 1
upstreams:
  engine: { kind: llama, model: "${model}", gpu: "off", threads: ${threads}, parallel: ${parallel}, contextTokens: ${contextTokens} }
tiers:
  - { name: small, models: [{ upstream: engine }] }
routes:
  - { name: default, match: { model: auto }, difficulty: { threshold: 0.5 } }
`;

const running = (name: string, child: ChildProcess, target: Target, loadMs: number): RunningEngine => ({
  name,
  target,
  loadMs,
  peakMegabytes: () => peakMegabytes(child.pid!),
  processorMs: () => processorMs(child.pid!),
  stop: async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await exited;
    clearTimeout(kill);
  },
});

/** The most memory a process had at any time; Linux alone tells. */
const peakMegabytes = (pid: number): number | null => {
  try {
    const kilobytes = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Math.round(Number(kilobytes) / 1024);
  } catch {
    return null;
  }
};

/** Linux counts in ticks of 10 ms (proc(5): utime and stime). */
const processorMs = (pid: number): number | null => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return null;
  }
};

const tailOf = (child: ChildProcess): (() => string) => {
  let tail = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-4_000);
  });
  child.once('error', (error) => {
    tail += error.message;
  });
  return () => tail;
};

const untilPort = async (child: ChildProcess, output: () => string): Promise<number> => {
  for (const end = Date.now() + START_LIMIT_MS; Date.now() < end; await sleep(POLL_MS)) {
    const port = /listens on http:\/\/[^/]+:(\d+)\/v1/.exec(output())?.[1];
    if (port !== undefined) return Number(port);
    if (child.exitCode !== null) break;
  }
  throw new Error(`The gateway did not start.\n${output()}`);
};

/** The one socket of its one model host. */
const untilSocket = async (folder: string, child: ChildProcess, output: () => string): Promise<string> => {
  for (const end = Date.now() + START_LIMIT_MS; Date.now() < end; await sleep(POLL_MS)) {
    const name = existsSync(folder) && readdirSync(folder).find((file) => file.endsWith('.sock'));
    if (name) return join(folder, name);
    if (child.exitCode !== null) break;
  }
  throw new Error(`The gateway started no model host in ${folder}.\n${output()}`);
};

const untilHealthy = async (
  name: string,
  child: ChildProcess,
  target: Target,
  path: string,
  output: () => string,
): Promise<void> => {
  for (const end = Date.now() + START_LIMIT_MS; Date.now() < end; await sleep(POLL_MS)) {
    if (await ask(target, path).catch(() => false)) return;
    if (child.exitCode !== null || child.pid === undefined) break;
  }
  throw new Error(`${name} did not start.\n${output()}`);
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
};
