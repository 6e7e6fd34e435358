import { GatewayError } from '../contract/errors.ts';
import type { Candidate, RoutingTable } from './routing-table.ts';

/**
 * Where a model that a client names can be asked, in order of preference: the entries of `models` with that name, else the
 * models of the tiers that are called so, as they are or as `upstream/model`, the strongest tier's first.
 * With `tiers` a tier may be named too: its models, by weight.
 * @throws GatewayError `model_not_found`; `not_allowed` for a team that may not name models of the tiers.
 */
export const deploymentsOf = (
  table: RoutingTable,
  name: string,
  team: string,
  { tiers = false }: { tiers?: boolean } = {},
): Candidate[] => {
  const named = table.models.get(name);
  if (named !== undefined) return named;
  const tier = tiers ? table.tiers.find((each) => each.name === name) : undefined;
  const inTiers = tier ? [...tier.candidates].sort((a, b) => b.weight - a.weight) : modelsCalled(table, name);
  if (inTiers.length === 0) {
    const message = `The model "${name}" does not exist: no model of this gateway has that name.`;
    throw new GatewayError('model_not_found', message, { param: 'model' });
  }
  if (table.teams[team]?.routes === undefined) return inTiers;
  throw new GatewayError('not_allowed', `Team "${team}" may not use model "${name}" directly.`);
};

const modelsCalled = ({ tiers }: RoutingTable, name: string): Candidate[] =>
  [...tiers]
    .reverse()
    .flatMap(({ candidates }) => candidates)
    .filter(({ upstream, model }) => model === name || `${upstream}/${model}` === name);
