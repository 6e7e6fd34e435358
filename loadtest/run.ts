import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findK6 } from './harness/find-executable.ts';
import { residentMegabytes } from './harness/process-figures.ts';
import { runToEnd, stopOnSignal } from './harness/processes.ts';
import { API_KEY, startGateway, startUpstream, temporaryDirectory } from './harness/servers.ts';
import { DEFAULT_SCRIPT, type Script } from './scripted-upstream.ts';

/**
 * `npm run loadtest -- smoke|steady|streams`: starts a scripted upstream and a gateway before it, runs the k6 script of
 * that name against the gateway, and stops both. Exits with k6's code: 99 when a threshold was crossed.
 */
const USAGE = `usage: npm run loadtest -- <script> [options]

  smoke                      each kind of request once or a few times, in seconds
  steady                     plain requests at a constant rate, then at a higher one
    --rate 200               requests per second
    --peak 500               requests per second of the second part; 0 leaves it out
    --duration 30s           of each part
  streams                    many streams held open at the same time
    --streams 200            streams at a time
    --duration 30s
  --p99 100                  milliseconds that the slowest percent may take (streams: to the first byte, 250)
`;

const K6_MISSING = `k6 is not installed: there is none in K6_BIN, on the PATH or in ~/go/bin.
Build it with \`go install go.k6.io/k6/v2@v2.0.0\`, or see https://grafana.com/docs/k6/latest/set-up/install-k6/ for packages.
`;

type Run = { script: Script; options: Record<string, { variable: string; pattern: RegExp }> };

const count = (variable: string) => ({ variable, pattern: /^\d{1,6}$/ });
const duration = { variable: 'DURATION', pattern: /^(\d{1,5}(ms|s|m|h))+$/ };

const RUNS: Record<string, Run> = {
  smoke: { script: { ...DEFAULT_SCRIPT, chunkDelayMs: 10 }, options: {} },
  steady: {
    script: DEFAULT_SCRIPT,
    options: { rate: count('RATE'), peak: count('PEAK'), duration, p99: count('P99_MS') },
  },
  streams: {
    script: { chunks: 20, firstDelayMs: 0, chunkDelayMs: 50 },
    options: { streams: count('STREAMS'), duration, p99: count('P99_MS') },
  },
};

/** What the command line asks for. @throws Error, in words, for a mistake in it. */
const readArguments = (args: string[]): { name: string; run: Run; variables: Record<string, string> } | 'help' => {
  const text = { type: 'string' } as const;
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rate: text,
      peak: text,
      duration: text,
      streams: text,
      p99: text,
      help: { type: 'boolean', short: 'h' },
    },
  });
  const { help, ...given } = values;
  if (help) return 'help';
  const [name, ...more] = positionals;
  const run = RUNS[name ?? ''];
  if (name === undefined) throw new Error('which script: smoke, steady or streams?');
  if (run === undefined) throw new Error(`there is no script "${name}": it is smoke, steady or streams`);
  if (more.length > 0) throw new Error(`one script at a time, not also "${more.join(' ')}"`);
  const variables: Record<string, string> = {};
  for (const [option, value] of Object.entries(given)) {
    const rule = run.options[option];
    if (rule === undefined) throw new Error(`${name} has no option --${option}`);
    if (!rule.pattern.test(value)) throw new Error(`--${option} cannot be "${value}"`);
    variables[rule.variable] = value;
  }
  return { name, run, variables };
};

const main = async (): Promise<number> => {
  let wanted: ReturnType<typeof readArguments>;
  try {
    wanted = readArguments(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`loadtest: ${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (wanted === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  const k6 = findK6(process.env);
  if (k6 === null) {
    process.stderr.write(K6_MISSING);
    return 1;
  }
  await using started = new AsyncDisposableStack();
  stopOnSignal(started);
  const directory = started.use(temporaryDirectory()).path;
  const upstream = started.use(await startUpstream(wanted.run.script));
  const gateway = started.use(await startGateway({ upstreamUrl: upstream.url, directory }));
  const script = join(import.meta.dirname, `${wanted.name}.ts`);
  const variables = { RIGHTSIZE_URL: gateway.url, RIGHTSIZE_API_KEY: API_KEY, ...wanted.variables };
  const env = { ...variables, K6_AUTO_EXTENSION_RESOLUTION: 'false' };
  const memory = started.use(watchMemory(gateway.pid));
  const code = await runToEnd(k6, ['run', '--quiet', '--no-usage-report', script], { env, started });
  process.stdout.write(
    `\nresident memory of the gateway, MB, at the start and every minute: ${memory.seen.join(' ')}\n`,
  );
  return code;
};

const watchMemory = (pid: number): Disposable & { seen: string[] } => {
  const seen: string[] = [];
  const look = async () => seen.push((await residentMegabytes(pid)).toFixed(0));
  void look();
  const timer = setInterval(look, 60_000);
  return { seen, [Symbol.dispose]: () => clearInterval(timer) };
};

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`loadtest: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
