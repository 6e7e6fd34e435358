import type { ChildProcess } from 'node:child_process';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { HostStatus } from '../../../src/model-host/host-status.ts';
import { type SpawnOptions, spawnHost } from '../../../src/model-host/spawn-host.ts';
import { temporaryFolder, untrainedNanoFile } from './test-models.ts';

export type TestHost = { child: ChildProcess; socketPath: string; log: string[]; stop(): Promise<void> };

/** A real model host on a Unix socket with one thread; resolves when it is ready, rejects with its words when it fails. */
export const startHost = (options: Partial<SpawnOptions> = {}): Promise<TestHost> => {
  const folder = temporaryFolder();
  const socketPath = join(folder, 'sockets/host.sock');
  const log: string[] = [];
  return new Promise((resolve, reject) => {
    const onStatus = ({ state, detail }: HostStatus) => {
      if (state === 'ready') resolve({ child, socketPath, log, stop });
      if (state === 'failed') reject(new Error(detail));
    };
    const child = spawnHost(
      {
        name: 'nano',
        model: untrainedNanoFile(),
        contextTokens: 8192,
        parallel: 4,
        gpu: 'off',
        threads: 1,
        environment: process.env,
        modelsDir: join(folder, 'models'),
        engineDir: join(folder, 'engine'),
        socketPath,
        ...options,
      },
      { onStatus, onLine: (line) => log.push(line), onExit: (how) => reject(new Error(`${how}\n${log.join('\n')}`)) },
    );
    const stop = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await exited;
    };
  });
};

export type Answer = { status: number; headers: IncomingMessage['headers']; text: string };

/** A request over the socket, its answer as it comes: `onText` sees each piece, `abort` ends it. */
export const open = (
  socketPath: string,
  path: string,
  body: unknown = undefined,
  headers: Record<string, string> = {},
  onText: (text: string) => void = () => {},
): { answer: Promise<Answer>; abort: () => void } => {
  const request = httpRequest({ socketPath, path, method: body === undefined ? 'GET' : 'POST', headers });
  const answer = new Promise<Answer>((resolve, reject) => {
    request.once('error', reject);
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
        onText(piece);
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
  });
  request.end(typeof body === 'string' ? body : JSON.stringify(body));
  return { answer, abort: () => request.destroy() };
};

export const chat = (host: { socketPath: string }, fields: object, headers: Record<string, string> = {}) =>
  open(
    host.socketPath,
    '/v1/chat/completions',
    { model: 'nano', messages: [{ role: 'user', content: 'Hello' }], ...fields },
    headers,
  ).answer;

// biome-ignore lint/suspicious/noExplicitAny: a test reads answers of any shape
export const json = (answer: Answer): any => JSON.parse(answer.text);

/** The chunks of a streamed answer; the closing `[DONE]` must be there. */
// biome-ignore lint/suspicious/noExplicitAny: a test reads answers of any shape
export const chunks = (answer: Answer): any[] => {
  const events = answer.text.trim().split('\n\n');
  if (events.pop() !== 'data: [DONE]') throw new Error(`no [DONE] at the end of ${answer.text}`);
  return events.map((event) => JSON.parse(event.slice('data: '.length)));
};

export const health = async (host: { socketPath: string }) => json(await open(host.socketPath, '/healthz').answer);

/** Asks again and again until `condition` holds. */
export const until = async (condition: () => Promise<boolean> | boolean, limitMs = 10_000): Promise<void> => {
  for (const end = Date.now() + limitMs; !(await condition()); await new Promise((wait) => setTimeout(wait, 10))) {
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${condition}`);
  }
};
