import { parseArgs } from 'node:util';
import { runFuzz } from '../test/fuzz/run-fuzz.ts';

/** `npm run fuzz -- --count 100000 --seed 7`: mutated requests to every inference endpoint; exits with 1 for any finding. */
const { values } = parseArgs({
  options: { count: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
});
const beganAt = performance.now();
const { cases, paths, statuses, findings, heapBytes } = await runFuzz({
  seed: Number(values.seed),
  count: Number(values.count),
});
for (const finding of findings.slice(0, 20)) console.log(JSON.stringify(finding, null, 2));
console.log(
  `${cases} cases, seed ${values.seed}, ${((performance.now() - beganAt) / 1000).toFixed(1)} s; ${paths.join(', ')}`,
);
console.log(
  `statuses ${JSON.stringify(statuses)}; heap ${heapBytes.map((bytes) => `${Math.round(bytes / 1e6)} MB`).join(' -> ')}`,
);
console.log(`${findings.length} findings.`);
process.exit(findings.length > 0 ? 1 : 0);
