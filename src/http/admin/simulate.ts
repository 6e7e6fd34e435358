import { Hono } from 'hono';
import type { LoadResult } from '../../config/load.ts';
import type { LoadedConfig } from '../../config/loaded-config.ts';
import {
  type CurveQuery,
  CurveQuerySchema,
  SimulateQuerySchema,
  type Simulation,
  type ThresholdCurve,
} from '../../contract/admin/simulate.ts';
import { GatewayError } from '../../contract/errors.ts';
import type { AdminEnv, AdminOptions } from './admin-env.ts';
import { readJson, readQuery } from './read-json.ts';

/** Works out a what-if off the thread of requests. @throws GatewayError `report_unavailable`, `not_found`. */
export type Simulator = <Answer extends Simulation | ThresholdCurve>(question: {
  config: LoadedConfig;
  fromMs: number;
  toMs: number;
  thresholds: Record<string, number>;
  /** A route, for its curve; null for a simulation. */
  route: string | null;
}) => Promise<Answer>;

/** Loads the text of another routes.yaml as if it stood in the place of the one in force. */
export type LoadText = (text: string) => Promise<LoadResult>;

/**
 * What-ifs: the ledger's requests decided again. Who sees one team alone may not ask, for rules concern everyone; other
 * rules than those in force are for admins.
 */
export const simulateRoutes = (
  { runtime, clock }: AdminOptions,
  simulator: Simulator,
  loadText: LoadText,
): Hono<AdminEnv> =>
  new Hono<AdminEnv>()
    .post('/', async (context) => {
      const { from, to, config, thresholds, enforce } = await readJson(context, SimulateQuerySchema, clock);
      const rules = enforced(config === undefined ? runtime().config : await loaded(config, loadText), enforce);
      const range = rangeOf(from, to);
      return context.json(await simulator<Simulation>({ config: rules, ...range, thresholds, route: null }));
    })
    .get('/curve', async (context) => {
      const { from, to, route } = readQuery(context, CurveQuerySchema) as CurveQuery;
      // Of a route that only watches, what it would do.
      const config = enforced(runtime().config, [route]);
      const question = { config, ...rangeOf(from, to), thresholds: {}, route };
      return context.json(await simulator<ThresholdCurve>(question));
    });

/** The rules with these routes acting on every request, though they only watch. */
const enforced = (config: LoadedConfig, names: readonly string[]): LoadedConfig => {
  const routes = config.routes.routes.map(({ rollout, ...route }) =>
    names.includes(route.name)
      ? { ...route, mode: 'enforce' as const }
      : { ...route, ...(rollout !== undefined && { rollout }) },
  );
  return { ...config, routes: { ...config.routes, routes } };
};

const loaded = async (text: string, loadText: LoadText): Promise<LoadedConfig> => {
  const result = await loadText(text);
  if (result.ok) return result.config;
  const [problem] = result.problems;
  const where = problem === undefined ? '' : ` line ${problem.position.line}: ${problem.message}`;
  throw new GatewayError('invalid_value', `config:${where}`, { param: 'config' });
};

const rangeOf = (from: string, to: string): { fromMs: number; toMs: number } => {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  if (toMs <= fromMs) throw new GatewayError('invalid_value', 'to: it must be after `from`.', { param: 'to' });
  return { fromMs, toMs };
};
