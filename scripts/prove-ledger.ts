import { killRounds } from '../test/support/kill-rounds.ts';

/**
 * Kills a real gateway fifty times under load, on one ledger, and compares what its clients got with what the ledger
 * holds. `npm run prove:ledger -- 200` for another number; `-- 50 --store postgres` and `-- 50 --store redis` with that
 * beside it, killed in every second round as well. Exits with 1 when they differ.
 */
const [count, flag, named] = process.argv.slice(2);
const store = flag === '--store' && (named === 'postgres' || named === 'redis') ? named : undefined;
if (flag !== undefined && store === undefined)
  throw new Error('usage: prove:ledger -- [rounds] [--store postgres|redis]');
const rounds = Number(count ?? 50);
const report = await killRounds({
  rounds,
  answersOf: () => 5 + Math.floor(Math.random() * 200),
  ...(store !== undefined && { store }),
  onRound: (round) => process.stderr.write(`\r${round + 1} of ${rounds}`),
});
process.stderr.write('\n');
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
const { sums, wrong, postgres, redis } = report;
const held = [sums.day, sums.hour, ...(postgres ? Object.values(postgres.sums) : [])];
const isExact = held.every((each) => String(each) === String(sums.entries));
// What was under way when Redis died may count twice, and never not at all.
const isCounted = redis === undefined || (redis.reservedNanoUsd === 0 && redis.spentNanoUsd >= (sums.entries[1] ?? 0));
process.exitCode = wrong.length === 0 && (postgres?.wrong.length ?? 0) === 0 && isExact && isCounted ? 0 : 1;
