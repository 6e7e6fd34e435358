import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chat, type RawReply, readAnswer } from '../support/chat-client.ts';
import { ANSWER, ANSWER_PIECES, FaultyUpstream } from '../support/faulty-upstream.ts';
import { CliProcess, runCli, temporaryDirectory } from '../support/run-cli.ts';
import { LONG_TIMEOUTS, twoTierRoutes } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

const EASY = { messages: [{ role: 'user', content: 'What is 2+2?' }], max_tokens: 16 };
const HARD = {
  messages: [
    {
      role: 'user',
      content:
        'Prove that there are infinitely many primes congruent to 3 modulo 4, and then explain step by step why the ' +
        'same argument fails for primes congruent to 1 modulo 4.',
    },
  ],
  max_tokens: 16,
};

type Readiness = { status: string; config: { problems: string[] }; upstreams: Record<string, { state: string }> };
const readiness = async (url: string) => (await (await fetch(`${url}/readyz`)).json()) as Readiness;

/** The processes that `pid` started and whose command line names the model host. */
const modelHostsOf = async (pid: number | undefined): Promise<number[]> => {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args=']);
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, ...args]) => Number(parent) === pid && args.join(' ').includes('model-host'))
    .map(([child]) => Number(child));
};

const header = ({ headers }: RawReply, name: string): string => String(headers[`x-rightsize-${name}`]);

describe('rightsize demo, with the real engine and the model in the box', () => {
  const directory = temporaryDirectory();
  const configFile = join(directory, 'routes.yaml');
  const withThreshold = (threshold: string) =>
    readFileSync(new URL('../../demo/routes.yaml', import.meta.url), 'utf8').replace(
      /threshold: [\d.]+/,
      `threshold: ${threshold}`,
    );
  const original = withThreshold('0.5');
  let demo: CliProcess;
  let url: string;

  const untilLocalIsReady = (limitMs: number) =>
    until(async () => (await readiness(url)).upstreams['local']?.state === 'ready', limitMs, 'the model host');

  beforeAll(async () => {
    writeFileSync(configFile, original);
    demo = new CliProcess(['demo', '--port', '0', '--config', configFile, '--data-dir', directory]);
    url = await demo.url();
    await untilLocalIsReady(45_000);
  });
  afterAll(async () => {
    demo.kill('SIGTERM');
    await demo.exited;
    rmSync(directory, { recursive: true, force: true });
  });

  test('prints the way of each sample: easy ones answered on the spot, hard ones sent on at once, unsure answers handed on', async () => {
    await until(() => demo.stdout.includes('Now try it yourself'), 60_000, 'the samples');
    const rows = demo.stdout.split('\n').filter((line) => /^(small|large) /.test(line));
    expect(rows).toHaveLength(40);
    const rowOf = (prompt: string) => rows.find((row) => row.includes(prompt)) ?? '';
    expect(rowOf('What is 2+2?')).toMatch(/^small +kept .* 2 \+ 2 = 4 .* < 0\.50/);
    expect(rowOf('What is the capital of France?')).toMatch(/^small +kept .* Paris\. /);
    expect(rowOf('Prove that')).toMatch(/^large +at once .* >= 0\.50/);
    expect(rowOf('48213 x 9124')).toMatch(/^large +escalated .*escalated: /);
    const [, kept, atOnce, escalated] =
      /40 prompts: (\d+) answered .*, (\d+) sent .*, (\d+) handed on/.exec(demo.stdout)?.map(Number) ?? [];
    expect(kept! + atOnce! + escalated!).toBe(40);
    expect(kept).toBeGreaterThanOrEqual(20);
    expect(atOnce).toBeGreaterThanOrEqual(4);
    expect(escalated).toBeGreaterThanOrEqual(4);
    expect(demo.stdout).toMatch(/Cost 0\.0\d+ USD, saved 0\.0\d+ USD/);
    expect(demo.stdout).toContain(`curl -si ${url}/v1/chat/completions`);
  });

  test.each([false, true])(
    'an easy request is answered by the small model and a hard one by the large (stream: %s)',
    async (stream) => {
      const easy = await chat(url, { ...EASY, stream });
      const hard = await chat(url, { ...HARD, stream });
      expect([easy.status, hard.status]).toEqual([200, 200]);
      expect(header(easy, 'tier')).toBe('small');
      expect(header(easy, 'model')).toBe('rightsize-nano');
      expect(header(easy, 'reason')).toMatch(/^difficulty 0\.\d+ < 0\.50$/);
      expect(header(hard, 'tier')).toBe('large');
      expect(header(hard, 'upstream')).toBe('simulated-large');
      expect(header(hard, 'reason')).toMatch(/^difficulty 0\.\d+ >= 0\.50$/);
      if (stream) {
        for (const reply of [easy, hard]) {
          const answer = readAnswer(reply);
          expect(answer).toMatchObject({ isDone: true, errors: [] });
          expect(answer.text).not.toBe('');
          expect(answer.finishReasons).toHaveLength(1);
        }
      } else {
        expect(JSON.parse(easy.text).usage.completion_tokens).toBeGreaterThan(0);
        expect(JSON.parse(hard.text).choices[0].message.content).toContain('simulated');
      }
    },
  );

  test('kill -9 of the model host: requests go on, the reason says so, and it is back within ten seconds', async () => {
    const [host] = await modelHostsOf(demo.child.pid);
    expect(host).toBeGreaterThan(0);
    const killedAt = performance.now();
    process.kill(host as number, 'SIGKILL');
    const replies = await Promise.all(
      Array.from({ length: 6 }, (_, index) => chat(url, { ...EASY, stream: index % 2 === 0 })),
    );
    for (const reply of replies) {
      expect(reply.status).toBe(200);
      if (header(reply, 'tier') === 'large') expect(header(reply, 'reason')).toMatch(/local.*answered by large/);
      else expect(header(reply, 'tier')).toBe('small');
    }
    await until(async () => (await modelHostsOf(demo.child.pid)).some((pid) => pid !== host), 10_000, 'another host');
    await untilLocalIsReady(10_000);
    expect(performance.now() - killedAt).toBeLessThan(10_000);
    expect(header(await chat(url, EASY), 'tier')).toBe('small');
  });

  test('editing the threshold changes the next answers without a restart, and breaking the file does not', async () => {
    writeFileSync(configFile, withThreshold('0.01'));
    const changed = await until(async () => {
      const reply = await chat(url, EASY);
      return header(reply, 'tier') === 'large' ? reply : null;
    });
    expect(header(changed, 'reason')).toMatch(/^difficulty 0\.\d+ >= 0\.01$/);

    writeFileSync(configFile, original.replace('threshold:', 'thresold:'));
    const bad = await until(async () => {
      const status = await readiness(url);
      return status.status === 'degraded' ? status : null;
    });
    expect(bad.config.problems[0]).toMatch(/routes\.yaml:\d+:\d+: .*thresold.*did you mean `threshold`/);
    const kept = await chat(url, EASY);
    expect(header(kept, 'tier')).toBe('large');
    expect(header(kept, 'config')).toBe(header(changed, 'config'));

    writeFileSync(configFile, original);
    await until(async () => (await readiness(url)).status === 'ready', 5_000, 'the repaired file');
    expect(header(await chat(url, EASY), 'tier')).toBe('small');
  });

  test('SIGTERM ends it with exit code 0, and no model host is left behind', async () => {
    const hosts = await modelHostsOf(demo.child.pid);
    expect(hosts).toHaveLength(1);
    demo.kill('SIGTERM');
    expect(await demo.exited).toBe(0);
    expect(() => process.kill(hosts[0] as number, 0)).toThrow('ESRCH');
  });
});

describe('rightsize serve', () => {
  const directory = temporaryDirectory();
  const configFile = join(directory, 'routes.yaml');
  let upstream: FaultyUpstream;
  let goOn = () => {};

  beforeAll(async () => {
    upstream = await FaultyUpstream.start((call) => {
      call.open();
      call.role();
      call.say(ANSWER_PIECES[0]);
      goOn = () => {
        for (const piece of ANSWER_PIECES.slice(1)) call.say(piece);
        call.finish();
        call.done();
      };
    });
    writeFileSync(
      configFile,
      JSON.stringify(twoTierRoutes({ small: upstream.url, large: upstream.url }, { timeouts: LONG_TIMEOUTS })),
    );
  });
  afterAll(async () => {
    await upstream.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const start = (): CliProcess =>
    new CliProcess(['serve', '--port', '0', '--config', configFile, '--data-dir', directory]);
  const openStream = async (url: string) => {
    const body = JSON.stringify({ model: 'auto', stream: true, ...EASY });
    const reply = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body });
    expect(reply.status).toBe(200);
    return reply;
  };

  test('the first signal lets a running stream end and then exits with 0; nothing new is accepted meanwhile', async () => {
    const gateway = start();
    const url = await gateway.url();
    const running = await openStream(url);
    gateway.kill('SIGTERM');
    await until(() => gateway.stderr.includes('Stopping'), 5_000, 'the word that it stops');
    await until(
      () =>
        fetch(`${url}/healthz`).then(
          () => false,
          () => true,
        ),
      5_000,
      'the closed door',
    );
    goOn();
    const endedAt = performance.now();
    expect(
      readAnswer({
        events: (await running.text())
          .split('\n')
          .filter((line) => line.startsWith('data: '))
          .map((line) => line.slice(6)),
      }),
    ).toMatchObject({
      text: ANSWER,
      isDone: true,
    });
    expect(await gateway.exited).toBe(0);
    expect(performance.now() - endedAt).toBeLessThan(5_000);
  });

  test('the second signal stops at once, and the cut request is in the ledger', async () => {
    const gateway = start();
    const running = await openStream(await gateway.url());
    const call = upstream.last;
    gateway.kill('SIGINT');
    await until(() => gateway.stderr.includes('Stopping'), 5_000, 'the word that it stops');
    const stoppedAt = performance.now();
    gateway.kill('SIGINT');
    await gateway.exited;
    // Far below the half minute that running requests are given after the first.
    expect(performance.now() - stoppedAt).toBeLessThan(10_000);
    await expect(running.text()).rejects.toThrow();
    expect(await call.closed).toBe('cut');
    const { stdout } = await runCli(['cost', '--json', '--data-dir', directory]);
    const { total } = JSON.parse(stdout);
    expect(total.promptTokens).toBe(upstream.produced.promptTokens);
    expect(total.completionTokens).toBe(upstream.produced.completionTokens);
  });

  test('a port that is taken is one line and exit code 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stdout, stderr } = await runCli([
      'serve',
      '--port',
      String(port),
      '--config',
      configFile,
      '--data-dir',
      directory,
    ]);
    other.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      `rightsize: port ${port} on 127.0.0.1 is taken; stop what listens there, or choose another with --port\n`,
    );
  });

  test('a routes.yaml with mistakes is all of them with line and column, and exit code 1', async () => {
    const bad = join(directory, 'bad.yaml');
    writeFileSync(
      bad,
      'version: 1\nupstreams: { a: { kind: olama } }\ntiers:\n  - { name: small, models: [{ upstream: b }] }\nroutes: []\n',
    );
    const { code, stderr } = await runCli(['serve', '--port', '0', '--config', bad, '--data-dir', directory]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/bad\.yaml:2:\d+: .*olama.*did you mean `ollama`/);
    expect(stderr).toMatch(/bad\.yaml:4:\d+: unknown upstream `b`/);
    expect(stderr).not.toMatch(/\n\s+at /);
    const missing = await runCli([
      'serve',
      '--port',
      '0',
      '--config',
      join(directory, 'none.yaml'),
      '--data-dir',
      directory,
    ]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('none.yaml');
  });

  test('mistakes on the command line are usage errors: exit code 2', async () => {
    const mistakes: [string[], RegExp][] = [
      [['--host', '0.0.0.0'], /0\.0\.0\.0 can be reached from other machines .*RIGHTSIZE_API_KEY/],
      [['--port', 'http'], /the port must be a whole number/],
      [['--prot', '1'], /unknown option '--prot'/],
    ];
    await Promise.all(
      mistakes.map(async ([args, words]) => {
        const { code, stderr } = await runCli(['serve', '--config', configFile, '--data-dir', directory, ...args]);
        expect(code).toBe(2);
        expect(stderr).toMatch(words);
      }),
    );
  });

  test('explain and check print data on stdout and decide as the gateway does', async () => {
    const explained = await runCli(['explain', 'What is 2+2?', '--config', configFile, '--json']);
    expect(explained).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(explained.stdout)).toMatchObject({
      route: 'default',
      tier: 'small',
      threshold: 0.55,
      attempts: ['up-small/small-1', 'up-large/vendor/large-1'],
    });
    const tested = join(directory, 'tested.yaml');
    const routes = JSON.parse(readFileSync(configFile, 'utf8'));
    writeFileSync(
      tested,
      JSON.stringify({ ...routes, tests: [{ prompt: 'What is 2+2?', expect: { tier: 'large' } }] }),
    );
    const checked = await runCli(['check', tested]);
    expect(checked).toMatchObject({ code: 1, stdout: '' });
    expect(checked.stderr).toContain('test "What is 2+2?" failed: tier small, not large');
    expect(await runCli(['check', configFile])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('is valid'),
    });
  });
});
