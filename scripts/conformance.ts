import { loadClients } from '../test/conformance/clients/all.ts';
import { FEATURE_NAMES } from '../test/conformance/feature.ts';
import { runCells } from '../test/conformance/run-cells.ts';

/**
 * `npm run conformance [-- --local]`: what each client can do through the gateway, as a table. Exits with 1 when
 * anything is red.
 */
const isLocal = process.argv.includes('--local');
const clients = await loadClients();
const results = await runCells(clients, isLocal);
const MARKS = { green: 'ok', red: 'RED', 'n/a': 'n/a' };
const outcomeOf = (client: string, feature: string) =>
  results.find((each) => each.client === client && each.feature === feature)!.outcome;

const rows = [
  ['', ...clients.map(({ name }) => name)],
  ...FEATURE_NAMES.map((feature) => [feature, ...clients.map(({ name }) => MARKS[outcomeOf(name, feature).kind])]),
];
const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
for (const row of rows)
  console.log(
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );

const reasons = new Set(
  results.flatMap(({ client, feature, outcome }) =>
    outcome.kind === 'n/a' ? [`${client}: ${feature}: ${outcome.reason}`] : [],
  ),
);
if (!isLocal && reasons.size > 0)
  console.log(`\nNot applicable:\n${[...reasons].map((each) => `  ${each}`).join('\n')}`);
const red = results.flatMap(({ client, feature, outcome }) =>
  outcome.kind === 'red' ? [{ client, feature, error: outcome.error }] : [],
);
for (const { client, feature, error } of red)
  console.log(`\nRED ${client}: ${feature}\n${error.stack ?? error.message}`);
const count = (kind: string) => results.filter(({ outcome }) => outcome.kind === kind).length;
console.log(`\n${count('green')} green, ${count('red')} red, ${count('n/a')} not applicable, none skipped.`);
const slowest = results.toSorted((a, b) => b.ms - a.ms)[0]!;
console.log(`Slowest: ${slowest.client}, ${slowest.feature}, ${slowest.ms} ms.`);
process.exit(red.length > 0 ? 1 : 0);
