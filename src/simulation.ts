import type { LoadedConfig } from './config/loaded-config.ts';
import type { Simulation, ThresholdCurve } from './contract/admin/simulate.ts';
import { GatewayError } from './contract/errors.ts';
import { classifierOf, loadClassifier } from './difficulty/load-classifier.ts';
import type { LedgerReports } from './ledger/ledger-reports.ts';
import { moneyOf } from './ledger/model-money.ts';
import { costUnder } from './ledger/price.ts';
import { loadPrices } from './ledger/price-book.ts';
import { compileRoutingTable } from './routing/routing-table.ts';
import { simulate } from './routing/simulate.ts';

/** A what-if question: the requests of a range, decided by `config` with these thresholds in place of its own. */
export type SimulationQuestion = {
  config: LoadedConfig;
  fromMs: number;
  toMs: number;
  thresholds: Record<string, number>;
};

/** Requests looked at, at most; of a curve's hundred and one points each goes through fewer. */
const MAX_ENTRIES = 20_000;
const MAX_CURVE_ENTRIES = 1_000;

/** @throws GatewayError `report_unavailable` where the ledger cannot be read. */
export const runSimulation = async (
  { config, fromMs, toMs, thresholds }: SimulationQuestion,
  reports: Pick<LedgerReports, 'history'>,
  dataDir: string,
): Promise<Simulation> => {
  const { entries, isSample } = await reports.history({ fromMs, toMs, limit: MAX_ENTRIES });
  return simulate({ entries, isSample, thresholds, ...(await rulesOf(config, dataDir)) });
};

/**
 * The figures of one route's own requests at each threshold.
 * @throws GatewayError `not_found` for a route that there is not, or that does not ask for difficulty.
 */
export const runCurve = async (
  { config, fromMs, toMs, route: name }: Omit<SimulationQuestion, 'thresholds'> & { route: string },
  reports: Pick<LedgerReports, 'history'>,
  dataDir: string,
): Promise<ThresholdCurve> => {
  const rule = config.routes.routes.find((route) => route.name === name)?.difficulty;
  if (rule === undefined)
    throw new GatewayError('not_found', `No route by difficulty is called "${name.slice(0, 64)}".`);
  const { entries } = await reports.history({ fromMs, toMs, limit: 20 * MAX_CURVE_ENTRIES });
  const own = entries.filter(({ route }) => route === name);
  const step = Math.ceil(own.length / MAX_CURVE_ENTRIES);
  const sample = own.filter((_, i) => i % step === 0);
  const rules = await rulesOf(config, dataDir);
  const points = Array.from({ length: 101 }, (_, i) => {
    const threshold = i / 100;
    const { after } = simulate({ entries: sample, isSample: step > 1, thresholds: { [name]: threshold }, ...rules });
    return { threshold, figures: after };
  });
  return { route: name, current: 'threshold' in rule ? rule.threshold : null, points };
};

const rulesOf = async (config: LoadedConfig, dataDir: string) => {
  const table = compileRoutingTable(config);
  const { billingOf } = moneyOf(config, table, new Map(), loadPrices(dataDir));
  return {
    table,
    classifier: classifierOf(config, await loadClassifier()),
    costOf: (...[tokens, candidate]: Parameters<Parameters<typeof simulate>[0]['costOf']>) =>
      costUnder(tokens, billingOf(candidate)),
  };
};
