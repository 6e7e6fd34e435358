import { parseArgs } from 'node:util';
import { differingGuards, factsOfQuestion, type Guard, OVERRULED } from '../src/cache/question-facts.ts';
import { publicPairs } from './bench/public-pairs.ts';
import { questionPairs } from './bench/question-pairs.ts';

/**
 * `npm run bench:semantic -- --url http://127.0.0.1:8090/v1 --model <name>`: paraphrases and near-misses with a real model's
 * similarities, served by similarity alone, by the guards that hold with a verifier (what it would be asked about), and by all.
 * `--pairs <folder>` takes pairs of public data sets instead of those made here. Figures are in docs/benchmarks.md.
 */
const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8090/v1' },
    model: { type: 'string', default: 'minilm' },
    pairs: { type: 'string' },
  },
});

const embed = async (input: string[]): Promise<number[][]> => {
  const response = await fetch(`${values.url}/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${process.env['API_KEY'] ?? ''}` },
    body: JSON.stringify({ model: values.model, input }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const { data } = (await response.json()) as { data: { embedding: number[] }[] };
  return data.map(({ embedding }) => {
    const length = Math.hypot(...embedding);
    return embedding.map((value) => value / length);
  });
};

const pairs: { kind: string; one: string; other: string; set?: string }[] =
  values.pairs === undefined ? questionPairs() : publicPairs(values.pairs);
if (pairs.length === 0) throw new Error(`No pairs in ${values.pairs}: scripts/bench/public-pairs.ts names the files.`);
const times: number[] = [];
const scored: { name: string; isSame: boolean; similarity: number; differing: Guard[] }[] = [];
for (const { kind, one, other, set } of pairs) {
  const [left] = await embed([one]);
  const start = performance.now();
  const [right] = await embed([other]);
  times.push(performance.now() - start);
  scored.push({
    name: set === undefined ? kind : `${set}, ${kind}`,
    isSame: kind === 'paraphrase',
    similarity: left!.reduce((sum, value, index) => sum + value * right![index]!, 0),
    differing: differingGuards(factsOfQuestion(one), factsOfQuestion(other)),
  });
}

type Scored = (typeof scored)[number];
const part = (list: Scored[], isServed: (pair: Scored) => boolean): string =>
  `${((100 * list.filter(isServed).length) / list.length).toFixed(1)} %`.padStart(12);
const groups = Object.entries(Object.groupBy(scored, ({ name }) => name)) as [string, Scored[]][];
groups.push(['all near-misses', scored.filter(({ isSame }) => !isSame)]);
for (const least of [0.8, 0.85, 0.9, 0.95]) {
  console.log(`\n${`similarity >= ${least}`.padEnd(52)}       alone   with verifier, at most   all guards`);
  for (const [name, list] of groups) {
    const isNear = ({ similarity }: Scored) => similarity >= least;
    const isAsked = (pair: Scored) => isNear(pair) && pair.differing.every((guard) => OVERRULED.has(guard));
    const isServed = (pair: Scored) => isNear(pair) && pair.differing.length === 0;
    console.log(
      `${`${name} (${list.length})`.padEnd(52)}${part(list, isNear)}${part(list, isAsked).padStart(25)}${part(list, isServed)}`,
    );
  }
}
times.sort((a, b) => a - b);
console.log(
  `\none embedding, p50 ${times[times.length >> 1]!.toFixed(1)} ms, p95 ${times[Math.floor(times.length * 0.95)]!.toFixed(1)} ms`,
);
