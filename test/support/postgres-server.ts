import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { until } from './until.ts';

export type PostgresServer = {
  /** What `DATABASE_URL` would be, for a new and empty database. */
  newDatabase(): Promise<string>;
  /** Ends the process at once, as a power cut would; `start` brings it back with what it had. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Stops it and deletes its files. */
  close(): Promise<void>;
};

/**
 * A real Postgres in a folder of its own, which listens on a Unix socket there: no port that another test could take.
 * Postgres refuses to run as root; as root it runs as the user `postgres`.
 */
export const startPostgres = async (): Promise<PostgresServer> => {
  const bin = findBinaries() ?? installBinaries();
  const folder = mkdtempSync(join(tmpdir(), 'rs-pg-'));
  const user = process.getuid?.() === 0 ? userNamed('postgres') : undefined;
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const identity = { cwd: folder, ...user };
  await promisify(execFile)(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'test', '--auth=trust', '--no-sync', '--encoding=UTF8', '--no-locale'],
    identity,
  );
  let child: ReturnType<typeof spawn> | undefined;
  const start = async () => {
    const settings = { listen_addresses: '', unix_socket_directories: folder, fsync: 'off', max_connections: '50' };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    child = spawn(join(bin, 'postgres'), ['-D', data, ...flags], { ...identity, stdio: 'ignore' });
    await until(() => canConnect(urlOf('postgres')), 20_000, 'Postgres');
  };
  const urlOf = (database: string) => `postgres://test@${encodeURIComponent(folder)}/${database}`;
  const stop = async (signal: 'SIGKILL' | 'SIGQUIT') => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  };
  await start();
  let databases = 0;
  return {
    start,
    kill: async () => {
      // Immediate shutdown: no farewell to clients, but no orphaned children either, as SIGKILL would leave.
      await stop('SIGQUIT');
    },
    async newDatabase() {
      const name = `test_${++databases}`;
      const client = new pg.Client({ connectionString: urlOf('postgres') });
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      return urlOf(name);
    },
    async close() {
      await stop('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const canConnect = async (connectionString: string): Promise<boolean> => {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
};

/** On the path, or where Debian and Homebrew put it. */
const findBinaries = (): string | undefined => {
  const versions = ['/usr/lib/postgresql', '/usr/local/opt', '/opt/homebrew/opt'].flatMap((root) =>
    existsSync(root) ? readdirSync(root).map((name) => join(root, name, 'bin')) : [],
  );
  return [...(process.env['PATH'] ?? '').split(':'), ...versions.sort().reverse()].find(
    (folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  );
};

/** Debian's, with apt when this is root. Tests of Postgres never skip: without it they fail, and say how to get it. */
const installBinaries = (): string => {
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore', env });
    execFileSync('apt-get', ['install', '-q', '-y', '--no-install-recommends', 'postgresql'], { stdio: 'ignore', env });
  }
  const found = findBinaries();
  if (found !== undefined) return found;
  throw new Error('these tests need Postgres: apt-get install postgresql, or brew install postgresql');
};

const userNamed = (name: string): { uid: number; gid: number } => {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`there is no user ${name} to run Postgres as`);
  return { uid: Number(uid), gid: Number(gid) };
};
