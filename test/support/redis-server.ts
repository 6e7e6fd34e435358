import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { until } from './until.ts';

export type RedisServerOptions = {
  /** Another program than the machine's own. */
  program?: string | undefined;
  /** Arguments of redis-server, such as `['--maxmemory', '2mb']`. */
  args?: string[];
  /** Listens on a Unix socket as well, at `socket`. */
  hasSocket?: boolean;
  /** A cluster of this one server, which holds all of it; `member`: of one that is yet to be joined. */
  isCluster?: boolean | 'member';
  /** A Sentinel that watches the server at this port, by the name `main`. */
  sentinelOf?: number;
};

/** A real redis-server that keeps nothing on disk, on a port of its own, with what a test does to it. */
export class RedisServer {
  readonly directory: string;
  readonly socket: string;
  readonly port: number;
  readonly #program: string;
  readonly #args: string[];
  #process: ChildProcess | null = null;

  private constructor(program: string, directory: string, port: number, args: string[]) {
    this.#program = program;
    this.directory = directory;
    this.port = port;
    this.socket = join(directory, 'redis.sock');
    this.#args = args;
  }

  static async start({ args = [], ...form }: RedisServerOptions = {}): Promise<RedisServer> {
    const directory = mkdtempSync(join(tmpdir(), 'rightsize-redis-'));
    const server = new RedisServer(form.program ?? findRedisServer(), directory, await freePort(), [
      ...(form.sentinelOf === undefined ? [] : [writeSentinelConfig(directory, form.sentinelOf), '--sentinel']),
      ...(form.isCluster ? ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] : []),
      ...(form.isCluster ? ['--cluster-port', String(await freePort()), '--cluster-require-full-coverage', 'no'] : []),
      ...(form.hasSocket ? ['--unixsocket', join(directory, 'redis.sock')] : []),
      ...args,
    ]);
    await server.start();
    if (form.isCluster === true) await joinCluster([server]);
    return server;
  }

  get clusterPort(): string {
    return this.#args[this.#args.indexOf('--cluster-port') + 1] ?? '';
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it on the same port; after `kill` that is a restart with empty data. */
  async start(): Promise<void> {
    const place = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.directory];
    const child = spawn(this.#program, [...this.#args, ...place, '--save', '', '--appendonly', 'no'], {
      stdio: 'pipe',
    });
    this.#process = child;
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    await until(
      () => {
        if (child.exitCode !== null) throw new Error(`redis-server has ended:\n${output}`);
        return /Ready to accept connections|Sentinel ID/.test(output);
      },
      15_000,
      'redis-server being ready',
    );
  }

  /** Ends it at once, as a crash does: kill -9. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** It keeps its connections, takes new ones, and answers nothing. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Sends commands over a connection of the test's own. */
  async ask<Value>(work: (client: Redis) => Promise<Value>): Promise<Value> {
    const client = new Redis(this.port, '127.0.0.1');
    try {
      return await work(client);
    } finally {
      client.disconnect();
    }
  }

  async flush(): Promise<void> {
    await this.ask((client) => client.flushall());
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Servers that hold an equal part of one cluster each. */
export const startRedisCluster = async (nodes: number, options: RedisServerOptions = {}): Promise<RedisServer[]> => {
  const starting = Array.from({ length: nodes }, () => RedisServer.start({ ...options, isCluster: 'member' }));
  const servers = await Promise.all(starting);
  await joinCluster(servers);
  return servers;
};

const joinCluster = async (servers: RedisServer[]): Promise<void> => {
  const info = (server: RedisServer) => server.ask(async (client) => String(await client.call('CLUSTER', 'INFO')));
  const share = Math.ceil(SLOTS / servers.length);
  const [first] = servers as [RedisServer];
  for (const [index, server] of servers.entries()) {
    const end = Math.min((index + 1) * share, SLOTS) - 1;
    await server.ask((client) => client.call('CLUSTER', 'ADDSLOTSRANGE', String(index * share), String(end)));
    await server.ask((client) => client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1)));
    const meet = ['MEET', '127.0.0.1', String(server.port), server.clusterPort];
    if (server !== first) await first.ask((client) => client.call('CLUSTER', ...meet));
  }
  for (const server of servers) {
    await until(
      async () => {
        const told = await info(server);
        return told.includes('cluster_state:ok') && told.includes(`cluster_slots_assigned:${SLOTS}`);
      },
      15_000,
      'the cluster being whole',
    );
  }
};

const SLOTS = 16_384;

const writeSentinelConfig = (directory: string, port: number): string => {
  const file = join(directory, 'sentinel.conf');
  writeFileSync(file, `sentinel monitor main 127.0.0.1 ${port} 1\n`);
  return file;
};

/** A port that was free a moment ago, for servers that cannot say which one they took. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
};

let found: string | undefined;

/** The program, installed if need be. Tests of Redis never skip: without it they fail, and say how to get it. */
const findRedisServer = (): string => {
  found ??= onPath('redis-server') ?? onPath('valkey-server') ?? install();
  return found;
};

/**
 * Programs with vector sets: the machine's own where it is Redis 8, and the one that RIGHTSIZE_TEST_REDIS_8 names. None on
 * many machines: what is to hold there as well belongs into a test of its own.
 */
export const vectorSetServers = (): string[] => {
  const named = process.env['RIGHTSIZE_TEST_REDIS_8'];
  const candidates = named === undefined ? [onPath('redis-server')] : [named];
  return candidates.filter((file): file is string => file !== undefined && majorVersion(file) >= 8);
};

/** Of `Redis server v=8.0.2 …`. Valkey counts versions of its own, and has no vector sets. */
const majorVersion = (file: string): number => {
  const [, major] = /^Redis server v=(\d+)/.exec(execFileSync(file, ['--version'], { encoding: 'utf8' })) ?? [];
  return Number(major ?? 0);
};

const onPath = (name: string): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((file) => {
      try {
        execFileSync(file, ['--version'], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    });

const install = (): string => {
  const isRoot = process.getuid?.() === 0;
  if (isRoot && onPath('apt-get') !== undefined) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore', env });
    execFileSync('apt-get', ['install', '-q', '-y', '--no-install-recommends', 'redis-server'], {
      stdio: 'ignore',
      env,
    });
  }
  const file = onPath('redis-server');
  if (file === undefined) {
    throw new Error('these tests need redis-server on the PATH: apt-get install redis-server, or brew install redis');
  }
  return file;
};
