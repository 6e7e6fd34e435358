import { type EngineOptions, startHost } from './engine-servers.ts';
import { streamChat } from './stream-chat.ts';
import { median, newRequest } from './workloads.ts';

/** What the statistics of an answer's first tokens cost at one number of requests at once. */
export type ConfidenceCost = {
  parallel: number;
  pairs: number;
  /** Of a pair with statistics to without, processor time of the host and duration; medians. Null: time is not known. */
  processorRatio: number | null;
  durationRatio: number;
  /** Where the middle half of the pairs lies. */
  quartiles: [low: number, high: number];
};

export type ConfidenceOptions = EngineOptions & { directory: string; parallels: number[]; rounds: number };

/** A usual answer, of which the gateway looks at so many tokens when it is to escalate (`escalation.window`). */
const ANSWER = { promptWords: 8, answerTokens: 256 };
const SCORED = 24;
const PAIRS_PER_ROUND = 4;

/** One host writes the same kind of answer with and without `rightsize_confidence`, in turns. */
export const measureConfidence = async (options: ConfidenceOptions): Promise<ConfidenceCost[]> => {
  const host = await startHost(options, options.directory);
  const write = async (parallel: number, extension: object) => {
    const [processor, start] = [host.processorMs(), performance.now()];
    await Promise.all(
      Array.from({ length: parallel }, () => streamChat(host.target, { ...newRequest(ANSWER), ...extension })),
    );
    const duration = performance.now() - start;
    return { duration, processor: processor === null ? null : host.processorMs()! - processor };
  };
  const scored = { rightsize_confidence: { tokens: SCORED } };
  const measure = async (parallel: number): Promise<ConfidenceCost> => {
    const pairs = options.rounds * PAIRS_PER_ROUND;
    const processor: number[] = [];
    const duration: number[] = [];
    for (let pair = -2; pair < pairs; pair++) {
      const isScoredFirst = pair % 2 === 0;
      const first = await write(parallel, isScoredFirst ? scored : {});
      const second = await write(parallel, isScoredFirst ? {} : scored);
      if (pair < 0) continue;
      const [withScores, without] = isScoredFirst ? [first, second] : [second, first];
      duration.push(withScores.duration / without.duration);
      if (withScores.processor !== null) processor.push(withScores.processor / without.processor!);
    }
    const sorted = (processor.length > 0 ? processor : duration).toSorted((a, b) => a - b);
    const quartiles: [number, number] = [sorted[Math.floor(pairs / 4)]!, sorted[Math.floor((pairs * 3) / 4)]!];
    const processorRatio = processor.length > 0 ? median(processor) : null;
    return { parallel, pairs, processorRatio, durationRatio: median(duration), quartiles };
  };
  try {
    const costs: ConfidenceCost[] = [];
    for (const parallel of options.parallels) costs.push(await measure(parallel));
    return costs;
  } finally {
    await host.stop();
  }
};
