import type { LoadedConfig } from './config/loaded-config.ts';
import type { PolicyFigures, Simulation, ThresholdCurve } from './contract/admin/simulate.ts';
import { GatewayError } from './contract/errors.ts';
import { classifierOf, loadClassifier } from './difficulty/load-classifier.ts';
import type { LedgerReports } from './ledger/ledger-reports.ts';
import { moneyOf } from './ledger/model-money.ts';
import { costUnder } from './ledger/price.ts';
import { loadPrices } from './ledger/price-book.ts';
import { compileRoutingTable } from './routing/routing-table.ts';
import { simulate, simulateThresholds } from './routing/simulate.ts';

/** A what-if question: the requests of a range, decided by `config` with these thresholds in place of its own. */
export type SimulationQuestion = {
  config: LoadedConfig;
  fromMs: number;
  toMs: number;
  thresholds: Record<string, number>;
};

/** Requests looked at, at most. */
const MAX_ENTRIES = 20_000;
const THRESHOLDS = Array.from({ length: 101 }, (_, i) => i / 100);

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
 * The figures of one route's own requests at each threshold, as `runSimulation` gives them.
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
  const { entries, isSample } = await reports.history({ fromMs, toMs, limit: MAX_ENTRIES });
  const figures = simulateThresholds({ entries, ...(await rulesOf(config, dataDir)) }, name, THRESHOLDS);
  return {
    route: name,
    current: 'threshold' in rule ? rule.threshold : null,
    isSample,
    points: THRESHOLDS.map((threshold, i) => ({ threshold, figures: figures[i] as PolicyFigures })),
  };
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
