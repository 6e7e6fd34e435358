/**
 * How long the semantic cache takes to find a question among others of its partition: `npm run bench:search -- --questions
 * 10000 --dimensions 384`, in memory and in each server with vector sets (RIGHTSIZE_TEST_REDIS_8, or the machine's own).
 * Vectors are random ones with a part in common, as those of sentences have; each search is for one that was added, a little
 * changed. Processor time beside elapsed time, for machines that are busy.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { percentile, toSorted } from '../loadtest/harness/percentile.ts';
import { MemorySemanticStore } from '../src/cache/memory-semantic-store.ts';
import { factsOfQuestion } from '../src/cache/question-facts.ts';
import { RedisSemanticStore } from '../src/cache/redis-semantic-store.ts';
import type { SemanticStore } from '../src/cache/semantic-store.ts';
import { seededRandom } from '../src/difficulty/seeded-random.ts';
import { systemClock } from '../src/lib/clock.ts';
import { connectRedis } from '../test/support/redis-connection.ts';
import { RedisServer, vectorSetServers } from '../test/support/redis-server.ts';

const { values: flags } = parseArgs({
  options: {
    questions: { type: 'string', default: '10000' },
    dimensions: { type: 'string', default: '384' },
    least: { type: 'string', default: '0.85' },
  },
});
const [QUESTIONS, DIMENSIONS] = [Number(flags.questions), Number(flags.dimensions)];
const SEARCHES = 500;
const PARTITION = { id: 'bench', team: 'default', route: 'default' };
const LIFE_MS = 3_600_000;
const OPTIONS = { minSimilarity: Number(flags.least), count: 64 };

const random = seededRandom(1);
const component = () => random() + random() + random() - 1.5;
const unit = (values: Float32Array): Float32Array => {
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
};
const common = Float32Array.from({ length: DIMENSIONS }, component);
const vectors = Array.from({ length: QUESTIONS }, () => unit(common.map((value) => component() + value / 2)));
const asked = Array.from({ length: SEARCHES }, (_, index) =>
  unit((vectors[(index * 37) % QUESTIONS] as Float32Array).map((value) => value + component() * 0.01)),
);

const measure = async (name: string, store: SemanticStore): Promise<void> => {
  for (const [index, vector] of vectors.entries()) {
    const text = `What is the capital of country ${index}?`;
    const place = { key: String(index), team: PARTITION.team, route: PARTITION.route };
    await store.add(PARTITION, vector, { place, facts: factsOfQuestion(text), text, observations: [] }, LIFE_MS);
  }
  for (const vector of asked) await store.nearest(PARTITION, vector, OPTIONS);
  const times: number[] = [];
  let found = 0;
  const before = process.cpuUsage();
  for (const [index, vector] of asked.entries()) {
    const begin = performance.now();
    const [nearest] = await store.nearest(PARTITION, vector, OPTIONS);
    times.push(performance.now() - begin);
    if (nearest?.entry.place.key === String((index * 37) % QUESTIONS)) found++;
  }
  const { user, system } = process.cpuUsage(before);
  const sorted = toSorted(times);
  const cells = [percentile(sorted, 0.5), percentile(sorted, 0.99), (user + system) / 1_000 / SEARCHES];
  const share = `${((100 * found) / SEARCHES).toFixed(1)} %`;
  print(`| ${[name, ...cells.map((value) => value.toFixed(2)), share].join(' | ')} |`);
};
const print = (text: string): void => void process.stdout.write(`${text}\n`);

print(
  `Node ${process.version}, ${QUESTIONS} questions of ${DIMENSIONS} dimensions, load ${loadavg()[0]?.toFixed(1)}\n`,
);
print('| where | p50 ms | p99 ms | CPU of the gateway, ms | found |\n|---|---|---|---|---|');
await measure('memory', new MemorySemanticStore(systemClock));
for (const program of vectorSetServers()) {
  const server = await RedisServer.start({ program });
  const redis = await connectRedis(server.url);
  await measure('Redis', new RedisSemanticStore({ redis, clock: systemClock, teams: () => [] }));
  await redis.close();
  await server.close();
}
