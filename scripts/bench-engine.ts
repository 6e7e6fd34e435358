import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { writeBenchModel } from './bench/bench-model.ts';
import { compareEngines, type EngineComparison, type Speed } from './bench/compare-engines.ts';
import { type ConfidenceCost, measureConfidence } from './bench/measure-confidence.ts';
import { type FirstToken, type GatewayFigures, measureGateway, WARM_REQUESTS } from './bench/measure-gateway.ts';

/**
 * `npm run bench:engine`: the model host beside llama.cpp's own server, on the same file, threads, context and
 * parallelism, in turns; then what the gateway adds to the model host. Figures and what they were measured on are in
 * docs/benchmarks.md.
 */
const USAGE = `usage: npm run bench:engine -- [options]

  --llama-server <program>   llama.cpp's server to compare with; without it only our own figures are printed
  --model <file.gguf>        default: 137M parameters of random numbers, written for this run
  --threads 1                of each engine
  --parallel 1,2,4,8         requests at a time
  --rounds 5                 each figure is the median of so many
  --context-tokens 1024      of each request
  --top-k 0                  of each request: 0 is OpenAI's way, 40 llama.cpp's default
  --host <main.ts>           another build of src/model-host to measure
  --no-gateway               leaves the gateway out
  --confidence               measures only what the statistics of the first 24 of 256 tokens cost
  --json

The peer is built from the sources of the same version that node-llama-cpp brings (a quarter of an hour):
  git clone node_modules/node-llama-cpp/llama/gitRelease.bundle llama.cpp && cd llama.cpp
  cmake -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_UI=OFF \\
    -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_BUILD_TESTS=OFF
  cmake --build build --target llama-server
`;

const readArguments = () => {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      'llama-server': text,
      model: text,
      threads: { ...text, default: '1' },
      parallel: { ...text, default: '1,2,4,8' },
      rounds: { ...text, default: '5' },
      'context-tokens': { ...text, default: '1024' },
      'top-k': { ...text, default: '0' },
      host: text,
      'no-gateway': { type: 'boolean' },
      confidence: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const parallels = values.parallel.split(',').map((part) => positive('--parallel', part));
  return {
    isHelp: values.help === true,
    isJson: values.json === true,
    hasGateway: values['no-gateway'] !== true,
    isConfidence: values.confidence === true,
    parallels,
    parallel: Math.max(...parallels),
    threads: positive('--threads', values.threads),
    rounds: positive('--rounds', values.rounds),
    contextTokens: positive('--context-tokens', values['context-tokens']),
    topK: values['top-k'] === '0' ? 0 : positive('--top-k', values['top-k']),
    ...(values.model !== undefined && { model: resolve(values.model) }),
    ...(values['llama-server'] !== undefined && { llamaServer: resolve(values['llama-server']) }),
    ...(values.host !== undefined && { hostMain: resolve(values.host) }),
  };
};

const positive = (flag: string, value: string): number => {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`${flag} cannot be "${value}"`);
};

type Report = EngineComparison & {
  machine: ReturnType<typeof describeMachine>;
  gateway: GatewayFigures | null;
};

const describeMachine = () => {
  const engine = JSON.parse(
    readFileSync(new URL('../node_modules/node-llama-cpp/package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGigabytes: Math.round(totalmem() / 1e9),
    node: process.version,
    engine: `node-llama-cpp ${engine.version}`,
    load: loadavg()[0]!,
  };
};

const print = ({ machine, speeds, starts, gateway }: Report): void => {
  const { cpu, cores, memoryGigabytes, node, engine, load } = machine;
  console.log(
    `${cpu}, ${cores} cores, ${memoryGigabytes} GB; Node ${node}, ${engine}; load before: ${load.toFixed(2)}\n`,
  );
  const hasPeer = speeds.some(({ peer }) => peer !== null);
  table(
    [
      'at once',
      'what',
      'tok/s: host',
      'peer',
      'ratio',
      'first token: host',
      'peer',
      'ms of CPU/tok: host',
      'peer',
      'ratio',
    ],
    speeds.map(({ parallel, workload, host, peer, ratio, processorRatio }) => [
      `${parallel}`,
      LABELS[workload],
      show(host.tokensPerSecond, 0),
      show(peer?.tokensPerSecond, 0),
      show(ratio, 2),
      `${show(host.firstTokenMs, 0)} ms`,
      `${show(peer?.firstTokenMs, 0)} ms`,
      show(host.processorMs, 2),
      show(peer?.processorMs, 2),
      show(processorRatio, 2),
    ]),
  );
  table(
    ['', 'ready after', 'peak memory'],
    starts.map(({ name, loadMs, peakMegabytes }) => [
      name,
      `${loadMs.toFixed(0)} ms`,
      peakMegabytes === null ? 'not known here' : `${peakMegabytes} MiB`,
    ]),
  );
  if (gateway) {
    const { cold, warm, eventLoop, streams } = gateway;
    const say = ({ atHost, throughGateway, added }: FirstToken) =>
      `${atHost.toFixed(2)} ms at the host, ${throughGateway.toFixed(2)} ms through the gateway, ${added.toFixed(2)} ms added`;
    console.log(
      `first token of a short prompt: ${say(cold)}\n` +
        `after ${WARM_REQUESTS} requests: ${say(warm)}\n` +
        `the gateway's event loop while the engine writes ${streams} answers: p50 ${eventLoop.p50.toFixed(1)} ms, ` +
        `p99 ${eventLoop.p99.toFixed(1)} ms, longest ${eventLoop.max.toFixed(1)} ms of delay`,
    );
  }
  if (!hasPeer) console.log('\nNothing to compare with: name a --llama-server (see --help for how to get one).');
};

const printConfidence = (costs: ConfidenceCost[], isJson: boolean): void => {
  if (isJson) console.log(JSON.stringify(costs, null, 2));
  else
    table(
      ['at once', 'pairs', 'processor time with / without', 'middle half', 'duration with / without'],
      costs.map(({ parallel, pairs, processorRatio, durationRatio, quartiles }) => [
        `${parallel}`,
        `${pairs}`,
        show(processorRatio, 3),
        quartiles.map((ratio) => ratio.toFixed(3)).join(' to '),
        durationRatio.toFixed(3),
      ]),
    );
};

const LABELS: Record<Speed['workload'], string> = {
  read: 'prompt',
  write: 'generation',
  both: 'prompt and generation',
};

const show = (value: number | null | undefined, digits: number): string => value?.toFixed(digits) ?? '-';

const table = (head: string[], rows: string[][]): void => {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  const line = (cells: string[]) => cells.map((cell, column) => cell.padEnd(widths[column]!)).join('  ');
  console.log([head, ...rows].map(line).join('\n'));
  console.log();
};

const main = async (): Promise<number> => {
  let options: ReturnType<typeof readArguments>;
  try {
    options = readArguments();
  } catch (error) {
    process.stderr.write(`bench:engine: ${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options.isHelp) {
    process.stdout.write(USAGE);
    return 0;
  }
  const machine = describeMachine();
  if (machine.load > 0.5)
    process.stderr.write(`Other programs run here (load ${machine.load.toFixed(2)}): expect noise.\n`);
  const directory = mkdtempSync(join(tmpdir(), 'rightsize-bench-'));
  try {
    const model = options.model ?? join(directory, 'bench.gguf');
    if (options.model === undefined) writeBenchModel(model);
    if (options.isConfidence) {
      printConfidence(await measureConfidence({ ...options, model, directory }), options.isJson);
      return 0;
    }
    const onProgress = (line: string) => process.stderr.write(`${line}\n`);
    const engines = await compareEngines({ ...options, model, directory, onProgress });
    const gateway = options.hasGateway ? await measureGateway({ ...options, model, directory }) : null;
    const report: Report = { machine, ...engines, gateway };
    if (options.isJson) console.log(JSON.stringify(report, null, 2));
    else print(report);
    return 0;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
};

process.exitCode = await main();
