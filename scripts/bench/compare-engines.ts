import { type EngineOptions, type RunningEngine, startHost, startLlamaServer } from './engine-servers.ts';
import { median, run, WORKLOADS } from './workloads.ts';

type Workload = keyof typeof WORKLOADS;

/** Medians over the rounds of one engine. */
export type Figures = {
  tokensPerSecond: number;
  firstTokenMs: number;
  /** Processor time of the engine's process for one token, which busy neighbours change least; null where not known. */
  processorMs: number | null;
};

/** `ratio` and `processorRatio` are medians of each round's own ratio of host to peer. */
export type Speed = {
  workload: Workload;
  parallel: number;
  host: Figures;
  peer: Figures | null;
  ratio: number | null;
  processorRatio: number | null;
};

/** From start to the first answer possible, and the most memory after all rounds. */
export type Start = { name: string; loadMs: number; peakMegabytes: number | null };

export type EngineComparison = { speeds: Speed[]; starts: Start[] };

export type CompareOptions = EngineOptions & {
  directory: string;
  rounds: number;
  parallels: number[];
  /** From how many of the likeliest tokens each next one is drawn; 0 for all. */
  topK: number;
  hostMain?: string;
  llamaServer?: string;
  onProgress: (line: string) => void;
};

/**
 * Starts both engines on the same file and lets them take turns: within each round, at each parallelism, for each
 * workload, first one and then the other, in the other order every second round. One engine idles while the other works.
 */
export const compareEngines = async (options: CompareOptions): Promise<EngineComparison> => {
  const loads = await measureLoads(options);
  const engines = await startAll(options);
  try {
    const rounds: Map<string, Figures[]>[] = [];
    // The first round warms caches and compilers, and does not count.
    for (let round = -1; round < options.rounds; round++) {
      const figures = await measureRound(engines, options, round % 2 === 0 ? [0, 1] : [1, 0]);
      if (round < 0) continue;
      rounds.push(figures);
      options.onProgress(`round ${round + 1} of ${options.rounds}`);
    }
    const speeds = cells(options.parallels).map(({ workload, parallel, key }) => {
      return { workload, parallel, ...summarise(rounds.map((figures) => figures.get(key)!)) };
    });
    const starts = engines.map(({ name, peakMegabytes }, index) => ({
      name,
      loadMs: median(loads[index]!),
      peakMegabytes: peakMegabytes(),
    }));
    return { speeds, starts };
  } finally {
    await Promise.all(engines.map((engine) => engine.stop()));
  }
};

const cells = (parallels: number[]) =>
  parallels.flatMap((parallel) =>
    (Object.keys(WORKLOADS) as Workload[]).map((workload) => ({ workload, parallel, key: `${workload}/${parallel}` })),
  );

/** By cell, the figures of each engine. */
const measureRound = async (
  engines: RunningEngine[],
  { parallels, topK }: Pick<CompareOptions, 'parallels' | 'topK'>,
  order: number[],
): Promise<Map<string, Figures[]>> => {
  const figures = new Map<string, Figures[]>();
  for (const { workload, parallel, key } of cells(parallels)) {
    const byEngine: Figures[] = [];
    for (const index of order) {
      const engine = engines[index];
      if (engine === undefined) continue;
      const before = engine.processorMs();
      const { tokensPerSecond, firstTokenMs, tokens } = await run(engine.target, workload, parallel, topK);
      const after = engine.processorMs();
      const processorMs = before === null || after === null ? null : (after - before) / tokens;
      byEngine[index] = { tokensPerSecond, firstTokenMs, processorMs };
    }
    figures.set(key, byEngine);
  }
  return figures;
};

const summarise = (rounds: Figures[][]): Omit<Speed, 'workload' | 'parallel'> => {
  const middle = (index: number): Figures => {
    const processor = rounds.flatMap((round) => round[index]!.processorMs ?? []);
    return {
      tokensPerSecond: median(rounds.map((round) => round[index]!.tokensPerSecond)),
      firstTokenMs: median(rounds.map((round) => round[index]!.firstTokenMs)),
      processorMs: processor.length > 0 ? median(processor) : null,
    };
  };
  const host = middle(0);
  if (rounds[0]!.length < 2) return { host, peer: null, ratio: null, processorRatio: null };
  const processorRatios = rounds.flatMap(([ours, theirs]) =>
    ours!.processorMs !== null && theirs!.processorMs ? [ours!.processorMs / theirs!.processorMs] : [],
  );
  return {
    host,
    peer: middle(1),
    ratio: median(rounds.map(([ours, theirs]) => ours!.tokensPerSecond / theirs!.tokensPerSecond)),
    processorRatio: processorRatios.length > 0 ? median(processorRatios) : null,
  };
};

const starters = ({ hostMain, llamaServer, ...options }: CompareOptions): (() => Promise<RunningEngine>)[] => [
  () => startHost(options, options.directory, hostMain),
  ...(llamaServer === undefined ? [] : [() => startLlamaServer(options, llamaServer)]),
];

const startAll = async (options: CompareOptions): Promise<RunningEngine[]> => {
  const engines: RunningEngine[] = [];
  for (const start of starters(options)) engines.push(await start());
  return engines;
};

/** Starts and stops each engine in turn, once more than there are rounds, and forgets the first, which read the disk. */
const measureLoads = async (options: CompareOptions): Promise<number[][]> => {
  const starts = starters(options);
  const loads: number[][] = starts.map(() => []);
  for (let round = -1; round < options.rounds; round++) {
    for (const [index, start] of starts.entries()) {
      const engine = await start();
      await engine.stop();
      if (round >= 0) loads[index]!.push(engine.loadMs);
    }
  }
  return loads;
};
