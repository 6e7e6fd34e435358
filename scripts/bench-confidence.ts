import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Batches } from '../src/model-host/batches.ts';
import { loadEngine } from '../src/model-host/engine.ts';
import { internalsOf } from '../src/model-host/engine-internals.ts';
import { TokenSource } from '../src/model-host/token-source.ts';
import { buildFlatModel } from './gguf/flat-model.ts';

/**
 * What scoring the first tokens of an answer costs, by size of vocabulary: `node scripts/bench-confidence.ts [rounds]`.
 * Random models of one narrow layer, so that choosing a token is nearly all of the work: the worst case for scores.
 * Runs are interleaved; medians.
 */
const TOKENS = 256;
const SCORED = 24;
const rounds = Number(process.argv[2] ?? 7);
const VOCABULARIES = [512, 32_000, 152_000];

const engine = await loadEngine('', 'off');
const llama = await engine.getLlama({
  gpu: false,
  build: 'never',
  maxThreads: 1,
  logLevel: engine.LlamaLogLevel.error,
});
const folder = mkdtempSync(join(tmpdir(), 'rightsize-bench-'));

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const milliseconds = (value: number): string => value.toFixed(3);

for (const vocabulary of VOCABULARIES) {
  const path = join(folder, `${vocabulary}.gguf`);
  writeFileSync(path, buildFlatModel({ vocabulary, seed: 1 }));
  const model = await llama.loadModel({ modelPath: path });
  const context = await model.createContext({ contextSize: 512 });
  const sequence = context.getSequence();
  const internals = internalsOf(model, context);
  const batches = new Batches({ internals, isSerial: false });

  const run = async (temperature: number, scored: number, count: number, topK: number): Promise<number> => {
    await sequence.clearHistory();
    const sampling = { temperature, topP: 1, topK, minP: 0, frequencyPenalty: 0, presencePenalty: 0, seed: 1 };
    const unread = model.tokenize('a b c d');
    const { signal } = new AbortController();
    const leave = batches.join();
    const source = new TokenSource({
      ...{ engine, model, internals, batches, sequence, place: 0, sampling, unread, signal },
      ...{ scoredTokens: scored, maxTokens: count, isSteady: true },
    });
    const startedAt = performance.now();
    for (let index = 0; index < count; index++) await source.next();
    await source.end();
    leave();
    return (performance.now() - startedAt) / count;
  };

  for (const temperature of [0, 0.7, 1]) {
    const [fast, first, all, sorting]: number[][] = [[], [], [], []];
    for (let round = 0; round < rounds; round++) {
      fast!.push(await run(temperature, 0, TOKENS, 0));
      first!.push(await run(temperature, SCORED, TOKENS, 0));
      all!.push(await run(temperature, SCORED, SCORED, 0));
      sorting!.push(await run(temperature, 0, SCORED, vocabulary));
    }
    const [base, scoredToken] = [median(fast!), median(all!)];
    console.log(
      JSON.stringify({
        vocabulary,
        temperature,
        plainMsPerToken: milliseconds(base),
        scoredMsPerToken: milliseconds(scoredToken),
        extraMsPerScoredToken: milliseconds(scoredToken - base),
        plainWithSortedVocabulary: milliseconds(median(sorting!)),
        slowdownOf256Percent: ((median(first!) / base - 1) * 100).toFixed(1),
      }),
    );
  }
  await model.dispose();
}
await llama.dispose();
rmSync(folder, { recursive: true });
