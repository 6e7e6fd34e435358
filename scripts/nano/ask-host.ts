import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spawnHost } from '../../src/model-host/spawn-host.ts';

const START_LIMIT_MS = 60_000;
const ANSWER_LIMIT_MS = 60_000;

export type Host = {
  /** The chunks of a streamed answer, each with when it came. @throws Error with the host's words. */
  // biome-ignore lint/suspicious/noExplicitAny: chunks have more than their type says
  ask(body: object): Promise<{ chunk: any; atMs: number }[]>;
  stop(): Promise<void>;
};

/** A model host of its own on one thread, one request at a time. @throws Error in its words when it cannot start. */
export const startHost = async (model: string): Promise<Host> => {
  const folder = mkdtempSync(join(tmpdir(), 'rightsize-nano-'));
  const socketPath = join(folder, 'host.sock');
  const options = {
    ...{ name: 'nano', model, contextTokens: 1024, parallel: 1, gpu: 'off', threads: 1, socketPath },
    ...{ environment: process.env, modelsDir: join(folder, 'models'), engineDir: join(folder, 'engine') },
  };
  const started = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const child = spawnHost(options, {
    onStatus: ({ state, detail }) => {
      if (state === 'ready') started.resolve();
      if (state === 'failed') started.reject(new Error(detail));
    },
    onLine: () => {},
    onExit: (how) => {
      started.reject(new Error(how));
      ended.resolve();
    },
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await ended.promise;
    rmSync(folder, { recursive: true, force: true });
  };
  const late = setTimeout(() => started.reject(new Error('the model host did not start in time')), START_LIMIT_MS);
  try {
    await started.promise;
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(late);
  }
  return { ask: (body) => ask(socketPath, body), stop };
};

const ask: (socketPath: string, body: object) => ReturnType<Host['ask']> = async (socketPath, body) => {
  const call = request({ socketPath, path: '/v1/chat/completions', method: 'POST', timeout: ANSWER_LIMIT_MS });
  const response = Promise.withResolvers<import('node:http').IncomingMessage>();
  call.once('response', response.resolve).once('error', response.reject);
  call.once('timeout', () => call.destroy(new Error('no answer in time')));
  call.end(JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }));
  const answer = await response.promise;
  const chunks: Awaited<ReturnType<Host['ask']>> = [];
  for await (const line of createInterface({ input: answer })) {
    if (answer.statusCode !== 200) throw new Error(line);
    if (line.startsWith('data: {')) chunks.push({ chunk: JSON.parse(line.slice(6)), atMs: performance.now() });
  }
  return chunks;
};
