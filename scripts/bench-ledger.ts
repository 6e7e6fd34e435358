import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ledgerFile, openToRead } from '../src/ledger/sqlite-ledger-file.ts';
import { SqliteLedgerStore } from '../src/ledger/sqlite-ledger-store.ts';
import { createSqliteReports } from '../src/ledger/sqlite-reports.ts';
import { randomEntries } from '../test/ledger/random-entries.ts';

/**
 * What the ledger costs: time of one append alone, entries a second in batches, and every question of the dashboard over
 * a generated month. `npm run bench:ledger -- --entries 5000000` for a month of a busy gateway (some minutes, 7 GB).
 */
const { values } = parseArgs({ options: { entries: { type: 'string', default: '100000' } } });
const count = Number(values.entries);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const END = Math.floor(Date.now() / HOUR) * HOUR + 1_234_567;
const START = END - 30 * DAY;

const directory = mkdtempSync(join(tmpdir(), 'bench-ledger-'));
const store = SqliteLedgerStore.open({ directory });
const quantile = (values: number[], at: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(at * values.length)] ?? 0;
const say = (what: string, value: string) => process.stdout.write(`${what.padEnd(44)}${value}\n`);

const alone: number[] = [];
for (const entry of randomEntries(3_000, START, END, 1)) {
  const began = performance.now();
  await store.append(entry);
  alone.push(performance.now() - began);
}
say('one append alone, p50 / p99', `${quantile(alone, 0.5).toFixed(3)} / ${quantile(alone, 0.99).toFixed(3)} ms`);

// As a gateway has it: entries of the last minutes, twenty finishing in one turn.
const steady = randomEntries(20_000, START - 600_000, START, 2).sort((a, b) => a.at - b.at);
let began = performance.now();
for (let i = 0; i < steady.length; i += 20) {
  await Promise.all(steady.slice(i, i + 20).map((entry) => store.append(entry)));
}
say('entries a second, twenty a turn', (steady.length / ((performance.now() - began) / 1_000)).toFixed(0));

began = performance.now();
const chunk = 5_000;
for (let done = 0; done < count; done += chunk) {
  const from = START + (done / count) * 30 * DAY;
  const to = START + (Math.min(count, done + chunk) / count) * 30 * DAY;
  const entries = randomEntries(Math.min(chunk, count - done), from, to, 10 + done);
  await Promise.all(entries.map((entry) => store.append(entry)));
}
say(`${count} entries of a month`, `${((performance.now() - began) / 1_000).toFixed(1)} s`);
await store.close();
say('size of the file', `${(statSync(ledgerFile(directory)).size / 1e6).toFixed(0)} MB`);

const database = openToRead(directory, 1_000);
if (database === null) throw new Error('no ledger');
const reports = createSqliteReports(database);
// As the overview asks for 30 days; then a month that begins anywhere, whose first part of an hour has to be read.
const month = { fromMs: Math.floor(START / HOUR) * HOUR, toMs: END };
const questions: [string, () => Promise<unknown>][] = [
  ['summary', () => reports.summary(month)],
  ['summary from any moment on', () => reports.summary({ ...month, fromMs: START + 777 })],
  ['summary of a day', () => reports.summary({ fromMs: END - DAY, toMs: END })],
  ['summary of one team', () => reports.summary({ ...month, team: 'red' })],
  ['series', () => reports.series(month)],
  ['series of a day', () => reports.series({ fromMs: END - DAY, toMs: END })],
  ...(['team', 'key', 'model', 'route', 'tier'] as const).map((by): [string, () => Promise<unknown>] => [
    `breakdown by ${by}`,
    () => reports.breakdown({ ...month, by }),
  ]),
  ['breakdown by tag', () => reports.breakdown({ ...month, by: 'tag', tag: 'app' })],
  ['difficulty', () => reports.difficulty(month)],
  ['log, first page', () => reports.requests({ limit: 100 })],
  ['log of one team', () => reports.requests({ team: 'red', limit: 100 })],
];
for (const [name, ask] of questions) {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    await ask();
    times.push(performance.now() - start);
  }
  say(`${name}, first / median`, `${(times[0] ?? 0).toFixed(1)} / ${quantile(times, 0.5).toFixed(1)} ms`);
}
database.close();
rmSync(directory, { recursive: true });
