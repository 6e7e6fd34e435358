import { parseArgs } from 'node:util';
import { differingGuards, factsOfQuestion } from '../src/cache/question-facts.ts';
import { questionPairs } from './bench/question-pairs.ts';

/**
 * `npm run bench:semantic -- --url http://127.0.0.1:8090/v1 --model <name>`: paraphrases and near-misses with a real model's
 * similarities, served and not, with the guards and without. Figures are in docs/benchmarks.md.
 */
const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8090/v1' },
    model: { type: 'string', default: 'minilm' },
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

const pairs = questionPairs();
const times: number[] = [];
const scored: { kind: string; similarity: number; passes: boolean }[] = [];
for (const { kind, one, other } of pairs) {
  const [left] = await embed([one]);
  const start = performance.now();
  const [right] = await embed([other]);
  times.push(performance.now() - start);
  const similarity = left!.reduce((sum, value, index) => sum + value * right![index]!, 0);
  scored.push({ kind, similarity, passes: differingGuards(factsOfQuestion(one), factsOfQuestion(other)).length === 0 });
}

const part = (list: typeof scored, isServed: (pair: (typeof scored)[number]) => boolean): string =>
  `${((100 * list.filter(isServed).length) / list.length).toFixed(1).padStart(5)} %`;
const kinds = [...new Set(scored.map(({ kind }) => kind))];
for (const least of [0.8, 0.85, 0.9, 0.95]) {
  console.log(`\nsimilarity >= ${least}            alone    with guards`);
  for (const kind of [...kinds, 'all near-misses']) {
    const list = scored.filter((pair) =>
      kind === 'all near-misses' ? pair.kind !== 'paraphrase' : pair.kind === kind,
    );
    const alone = part(list, ({ similarity }) => similarity >= least);
    const guarded = part(list, ({ similarity, passes }) => passes && similarity >= least);
    console.log(`${`${kind} (${list.length})`.padEnd(28)} ${alone}   ${guarded}`);
  }
}
times.sort((a, b) => a - b);
console.log(
  `\none embedding, p50 ${times[times.length >> 1]!.toFixed(1)} ms, p95 ${times[Math.floor(times.length * 0.95)]!.toFixed(1)} ms`,
);
