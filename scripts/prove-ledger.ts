import { killRounds } from '../test/support/kill-rounds.ts';

/**
 * Kills a real gateway fifty times under load, on one ledger, and compares what its clients got with what the ledger
 * holds. `npm run prove:ledger -- 200` for another number. Exits with 1 when they differ.
 */
const rounds = Number(process.argv[2] ?? 50);
const report = await killRounds(
  rounds,
  () => 5 + Math.floor(Math.random() * 200),
  (round) => process.stderr.write(`\r${round + 1} of ${rounds}`),
);
process.stderr.write('\n');
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
const isExact = [report.sums.day, report.sums.hour].every((sums) => String(sums) === String(report.sums.entries));
process.exitCode = report.wrong.length === 0 && isExact ? 0 : 1;
