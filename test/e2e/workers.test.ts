import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chat, type RawReply } from '../support/chat-client.ts';
import { FaultyUpstream, good, stallAfter } from '../support/faulty-upstream.ts';
import { RedisServer } from '../support/redis-server.ts';
import { CliProcess, runCli, temporaryDirectory } from '../support/run-cli.ts';
import { twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const WORKERS = 3;
const REQUESTS_PER_MINUTE = 10;

/** The workers that a process has started, and the model hosts that these have. */
const startedBy = async (pid: number | undefined) => {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args=']);
  const all = stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([own, parent, ...args]) => ({ pid: Number(own), parent: Number(parent), args: args.join(' ') }));
  const workers = all.filter(({ parent }) => parent === pid).map((each) => each.pid);
  const hosts = all
    .filter(({ parent, args }) => workers.includes(parent) && args.includes('model-host'))
    .map((host) => ({ pid: host.pid, worker: host.parent }));
  return { workers, hosts };
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('rightsize serve --workers 3, with a real Redis and the model in the box', () => {
  const directory = temporaryDirectory();
  const configFile = join(directory, 'routes.yaml');
  let redis: RedisServer;
  let upstream: FaultyUpstream;
  let serve: CliProcess;
  let url: string;
  /** Requests that were answered or refused: each has an entry. */
  let requests = 0;

  const routesWith = (...more: object[]) => {
    const { upstreams, tiers } = twoTierRoutes({ small: upstream.url, large: upstream.url });
    const local = { kind: 'llama', model: 'builtin:nano', gpu: 'off', threads: 1, contextTokens: 512, parallel: 2 };
    const routes = {
      version: 1,
      upstreams: { ...upstreams, local },
      tiers: [{ name: 'box', models: [{ upstream: 'local' }] }, ...tiers],
      routes: [
        {
          name: 'limited',
          match: { model: 'limited' },
          tier: 'small',
          limits: { requestsPerMinute: REQUESTS_PER_MINUTE },
        },
        { name: 'local', match: { model: 'local' }, tier: 'box', fallback: 'none' },
        { name: 'default', match: { model: 'auto' }, tier: 'large' },
        ...more,
      ],
    };
    return JSON.stringify(routes, null, 2);
  };

  const ask = async (model = 'auto', body: object = {}): Promise<RawReply> => {
    requests++;
    return chat(url, { model, max_tokens: 8, ...body });
  };
  const askMany = (count: number, model?: string) => Promise.all(Array.from({ length: count }, () => ask(model)));
  const statuses = (replies: RawReply[]) => replies.map(({ status }) => status);
  const configOf = ({ headers }: RawReply) => headers['x-rightsize-config'];

  const workers = async () => (await startedBy(serve.child.pid)).workers;
  const hosts = async () => (await startedBy(serve.child.pid)).hosts;
  const metrics = async () => (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
  const requestsByWorker = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      [...(await metrics()).matchAll(/^rightsize_worker_requests_total\{worker="(\d)"\} (\d+)$/gm)].map(
        ([, worker, count]) => [worker, Number(count)],
      ),
    );
  const counted = async () => {
    const byWorker = Object.values(await requestsByWorker());
    return byWorker.reduce((sum, count) => sum + count, 0);
  };
  /** What as many connections in a row as there are workers say of the local model; each goes to the next worker. */
  const localStates = async () => {
    const states: string[] = [];
    for (let index = 0; index < WORKERS; index++) {
      const reply = await fetch(`${url}/readyz`, { headers: { connection: 'close' } });
      states.push(((await reply.json()) as { upstreams: { local: { state: string } } }).upstreams.local.state);
    }
    return states;
  };
  /** What connects before that may be handed to a worker that is no more. */
  const untilMissed = (count: number) =>
    until(
      () => serve.stderr.match(/was ended by SIGKILL/g)?.length === count,
      5_000,
      'the word that it is started again',
    );
  const untilAllAreReady = () =>
    until(
      async () =>
        (await metrics()).includes(`\nrightsize_workers ${WORKERS}\n`) &&
        (await localStates()).every((state) => state === 'ready'),
      30_000,
      'all workers with the local model',
    );

  beforeAll(async () => {
    [redis, upstream] = await Promise.all([RedisServer.start(), FaultyUpstream.start()]);
    writeFileSync(configFile, routesWith());
    const flags = ['--workers', String(WORKERS), '--port', '0', '--config', configFile, '--data-dir', directory];
    serve = new CliProcess(['serve', ...flags], {
      REDIS_URL: redis.url,
      RIGHTSIZE_ADMIN_KEY: 'rsa-of-the-test',
      // A loaded machine is no fault of Redis.
      RIGHTSIZE_REDIS_TIMEOUT_MS: '5000',
    });
    url = await serve.url();
    await until(() => serve.stderr.includes(`All ${WORKERS} workers are ready`), 30_000, 'all workers');
    await untilAllAreReady();
  }, 60_000);
  afterAll(async () => {
    serve.kill('SIGKILL');
    await serve.exited;
    rmSync(directory, { recursive: true, force: true });
    await Promise.all([redis.close(), upstream.close()]);
  });

  test('what a newcomer needs to see is said once', () => {
    expect(serve.stderr.match(/Rightsize listens on/g)).toHaveLength(1);
    expect(serve.stderr.match(/local is ready/g)).toHaveLength(1);
  });

  test('every worker answers, and /metrics of any of them counts the requests of all', async () => {
    expect(statuses(await askMany(4 * WORKERS))).toEqual(Array(4 * WORKERS).fill(200));
    for (let index = 0; index < WORKERS; index++) {
      const byWorker = await requestsByWorker();
      expect(Object.keys(byWorker).sort()).toEqual(['1', '2', '3']);
      expect(Object.values(byWorker).every((count) => count > 0)).toBe(true);
      expect(Object.values(byWorker).reduce((sum, count) => sum + count)).toBe(requests);
    }
    expect(await metrics()).toMatch(new RegExp(`^rightsize_requests_total\\{route="default".*\\} ${requests}$`, 'm'));
    expect(await metrics()).toMatch(/^rightsize_redis_up 1$/m);
  });

  test('a limit of so many requests a minute is that of all workers together', async () => {
    const replies = statuses(await askMany(3 * REQUESTS_PER_MINUTE, 'limited'));
    expect(replies.filter((status) => status === 200)).toHaveLength(REQUESTS_PER_MINUTE);
    expect(replies.filter((status) => status === 429)).toHaveLength(2 * REQUESTS_PER_MINUTE);
  });

  test('one model host answers for all workers', async () => {
    expect(await hosts()).toHaveLength(1);
    for (const reply of await askMany(2 * WORKERS, 'local')) {
      expect([reply.status, reply.headers['x-rightsize-upstream']]).toEqual([200, 'local']);
    }
    expect(await hosts()).toHaveLength(1);
  });

  test('a routes.yaml saved at one worker is in force at all of them with the answer', async () => {
    const headers = {
      authorization: 'Bearer rsa-of-the-test',
      'content-type': 'application/json',
      connection: 'close',
    };
    const { headers: read } = await fetch(`${url}/admin/api/config`, { headers });
    const text = routesWith({ name: 'added', match: { model: 'added' }, tier: 'small' });
    const saved = await fetch(`${url}/admin/api/config`, {
      method: 'PUT',
      headers: { ...headers, 'if-match': read.get('etag') ?? '' },
      body: JSON.stringify({ text }),
    });
    expect(saved.status).toBe(200);
    const { version } = (await saved.json()) as { version: string };
    for (let index = 0; index < 2 * WORKERS; index++) expect(configOf(await ask())).toBe(version);
  });

  test('a mistake in the file is told once, and the old rules stay in force everywhere', async () => {
    const text = readFileSync(configFile, 'utf8');
    const before = configOf(await ask());
    writeFileSync(configFile, text.replace('"routes"', '"roots"'));
    await until(
      async () => {
        const replies = await Promise.all(
          Array.from({ length: WORKERS }, () => fetch(`${url}/readyz`, { headers: { connection: 'close' } })),
        );
        const told = (await Promise.all(replies.map((reply) => reply.json()))) as { config: { problems: string[] } }[];
        return told.every(({ config }) => config.problems.length > 0);
      },
      10_000,
      'the mistake at all workers',
    );
    expect(serve.stderr.match(/has mistakes; version/g)).toHaveLength(1);
    for (let index = 0; index < WORKERS; index++) expect(configOf(await ask())).toBe(before);
    writeFileSync(configFile, text);
    await untilAllAreReady();
  });

  test('a worker that is killed loses what it was doing and nothing else, and is replaced', async () => {
    const [host] = await hosts();
    const others = (await workers()).filter((pid) => pid !== host!.worker);
    const total = await counted();
    upstream.always(stallAfter(1));
    const open = async () => {
      const body = JSON.stringify({ model: 'auto', stream: true, messages: [{ role: 'user', content: 'hi' }] });
      const reader = (await fetch(`${url}/v1/chat/completions`, { method: 'POST', body })).body!.getReader();
      await reader.read();
      return reader;
    };
    const streams = await Promise.all(Array.from({ length: 3 * WORKERS }, open));
    upstream.always(good);
    let cut = 0;
    const readOn = async (reader: (typeof streams)[number]) => {
      while (!(await reader.read()).done);
    };
    const ends = streams.map((reader) => readOn(reader).catch(() => cut++));
    process.kill(others[0]!, 'SIGKILL');
    // Of those that come at once, one may have been on its way to that worker: it fails, and does not wait.
    const signal = AbortSignal.timeout(5_000);
    const arriving = Array.from({ length: 4 * WORKERS }, () =>
      fetch(`${url}/healthz`, { headers: { connection: 'close' }, signal }).then(
        () => 'answered',
        () => (signal.aborted ? 'waited' : 'failed'),
      ),
    );
    expect(await Promise.all(arriving)).not.toContain('waited');
    await untilMissed(1);
    await until(() => cut > 0, 5_000, 'the end of its streams');
    expect(statuses(await askMany(6))).toEqual(Array(6).fill(200));
    await untilAllAreReady();
    expect(await workers()).not.toContain(others[0]);
    expect(await hosts()).toEqual([host]);
    await Promise.all(streams.map((reader) => reader.cancel().catch(() => {})));
    await Promise.all(ends);
    expect(cut).toBeLessThan(streams.length);
    // What the worker that is gone had counted goes on counting.
    // A stream that its client left has an entry; of those that were cut nobody is there to write one.
    requests += streams.length - cut;
    await until(
      async () => (await counted()) === total + 6 + streams.length - cut,
      5_000,
      'the entries of those that were left',
    );
  });

  test('when worker 1 is killed the local models are starting, and come back with its successor', async () => {
    const [host] = await hosts();
    process.kill(host!.worker, 'SIGKILL');
    await untilMissed(2);
    await until(async () => (await localStates()).includes('starting'), 5_000, 'the word that it starts');
    expect(statuses(await askMany(WORKERS))).toEqual(Array(WORKERS).fill(200));
    await untilAllAreReady();
    const after = await hosts();
    expect(after).toHaveLength(1);
    expect(after[0]!.pid).not.toBe(host!.pid);
    expect(isAlive(host!.pid)).toBe(false);
    expect(statuses(await askMany(2 * WORKERS, 'local'))).toEqual(Array(2 * WORKERS).fill(200));
    expect(serve.stderr.match(/Rightsize listens on/g)).toHaveLength(1);
  });

  test('SIGTERM lets what runs at each worker end, exits with 0, and leaves no process and no request without its entry', async () => {
    const running = [...(await workers()), ...(await hosts()).map(({ pid }) => pid)];
    let goOn = () => {};
    const waited = new Promise<void>((resolve) => (goOn = resolve));
    const before = upstream.calls.length;
    upstream.always(async (call) => {
      await waited;
      await good(call);
    });
    const answers = askMany(2 * WORKERS);
    await upstream.untilCalls(before + 2 * WORKERS);
    serve.kill('SIGTERM');
    await until(() => serve.stderr.includes('Stopping'), 5_000, 'the word that it stops');
    goOn();
    expect(statuses(await answers)).toEqual(Array(2 * WORKERS).fill(200));
    expect(await serve.exited).toBe(0);
    expect(running.filter(isAlive)).toEqual([]);
    const { stdout } = await runCli(['cost', '--json', '--data-dir', directory]);
    expect(JSON.parse(stdout).total.requests).toBe(requests);
  });
});

describe('what several workers cannot do', () => {
  const directory = temporaryDirectory();
  const configFile = join(directory, 'routes.yaml');
  // Nothing listens there: Redis may come later.
  const environment = { REDIS_URL: 'redis://127.0.0.1:1' };
  const run = (args: string[], given: Record<string, string> = environment) =>
    runCli(['serve', '--workers', '3', '--config', configFile, '--data-dir', directory, ...args], given);

  beforeAll(() => {
    writeFileSync(
      configFile,
      JSON.stringify(twoTierRoutes({ small: 'http://127.0.0.1:1/v1', large: 'http://127.0.0.1:1/v1' })),
    );
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test('without Redis, and in a number that makes no sense, they are a usage error: one line and exit code 2', async () => {
    const [alone, none] = await Promise.all([
      run([], {}),
      runCli(['serve', '--config', configFile, '--data-dir', directory], { ...environment, RIGHTSIZE_WORKERS: '0' }),
    ]);
    expect(alone).toMatchObject({ code: 2, stdout: '' });
    expect(alone.stderr).toMatch(/^rightsize: 3 workers need REDIS_URL: .*\n$/);
    expect(none).toMatchObject({ code: 2, stderr: 'rightsize: the number of workers must be at least 1\n' });
  });

  test('a routes.yaml with mistakes and a port that is taken are told once, with the exit code of one gateway', async () => {
    const bad = join(directory, 'bad.yaml');
    writeFileSync(bad, 'version: 1\nroots: []\n');
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const [broken, taken] = await Promise.all([run(['--port', '0', '--config', bad]), run(['--port', String(port)])]);
    other.close();
    expect(broken.code).toBe(1);
    expect(broken.stderr.match(/bad\.yaml:2:\d+: .*roots/g)).toHaveLength(1);
    expect(taken).toMatchObject({ code: 1, stdout: '' });
    expect(taken.stderr.match(/port \d+ on 127\.0\.0\.1 is taken/g)).toHaveLength(1);
  });
});
