import { ConfigError } from '../config/config-error.ts';
import { loadConfig } from '../config/load.ts';
import type { PolicyFigures } from '../contract/admin/simulate.ts';
import { parseWeights } from '../difficulty/weights.ts';
import { openToRead } from '../ledger/sqlite-ledger-file.ts';
import { createSqliteReports } from '../ledger/sqlite-reports.ts';
import { formatUsd } from '../lib/money.ts';
import { configFileOf, dataDirOf } from '../settings.ts';
import { runSimulation } from '../simulation.ts';
import type { CliContext } from './context.ts';
import { parseSince } from './since.ts';
import { table } from './table.ts';

export type SimulateOptions = { config?: string; since?: string; dataDir?: string; json?: boolean };

/**
 * `rightsize simulate --config new.yaml --since 7d`: the ledger's requests decided by other rules; sends nothing.
 * @returns the exit code. @throws ConfigError; Error without a ledger; UsageError.
 */
export const simulateCommand = async (
  options: SimulateOptions,
  { environment, clock, stdout }: CliContext,
): Promise<number> => {
  const toMs = clock.now();
  const fromMs = parseSince(options.since ?? '7d', toMs);
  const file = configFileOf(options.config, environment);
  const loaded = await loadConfig({ file, environment, checkModel: parseWeights });
  if (!loaded.ok) throw new ConfigError(file, loaded.problems);
  const dataDir = dataDirOf(options.dataDir, environment);
  const database = openToRead(dataDir, 2_000);
  if (database === null) throw new Error('there is no ledger yet: it begins with the first request to the gateway');
  const result = await runSimulation(
    { config: loaded.config, fromMs, toMs, thresholds: {} },
    createSqliteReports(database),
    dataDir,
  ).finally(() => database.close());
  if (options.json) {
    const period = { since: new Date(fromMs).toISOString(), until: new Date(toMs).toISOString() };
    stdout.write(`${JSON.stringify({ ...period, config: loaded.config.version, ...result }, null, 2)}\n`);
    return 0;
  }
  const teams = [...result.byTeam, { team: 'total', before: result.before, after: result.after }];
  stdout.write(
    table([
      ['team', 'requests', 'cost USD', 'then', 'small', 'then', 'p50 ms', 'then', 'quality', 'then'],
      ...teams.map(({ team, before, after }) => [
        ...[team, String(before.requests), cost(before), cost(after), percent(before), percent(after)],
        ...[ms(before.p50Ms), ms(after.p50Ms), part(before.expectedQuality), part(after.expectedQuality)],
      ]),
    ]),
  );
  const notes = Object.entries(result.leftOut).map(([why, count]) => `${count} left out: ${why}\n`);
  stdout.write(`\n${result.isSample ? `An even sample of ${result.replayed} requests.\n` : ''}${notes.join('')}`);
  return 0;
};

const cost = ({ costNanoUsd, unknownCosts }: PolicyFigures): string =>
  `${formatUsd(costNanoUsd)}${unknownCosts > 0 ? ` + ${unknownCosts} unknown` : ''}`;
const percent = ({ smallShare }: PolicyFigures): string => `${(100 * smallShare).toFixed(1)} %`;
const ms = (value: number | null): string => (value === null ? '' : value.toFixed(0));
const part = (value: number | null): string => (value === null ? '' : value.toFixed(3));
