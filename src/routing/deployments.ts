import { GatewayError } from '../contract/errors.ts';
import type { Permissions } from '../contract/permissions.ts';
import { mayNameModels, mayUseModel, mayUseNamed } from './permissions.ts';
import { type Candidate, isCalled, type RoutingTable } from './routing-table.ts';

/**
 * Where a model that a client names can be asked, in order of preference: the entries of `models` with that name, else the
 * models of the tiers that are called so, as they are or as `upstream/model`, the strongest tier's first.
 * With `tiers` a tier may be named too: its models, by weight.
 * @throws GatewayError `model_not_found`; `model_not_allowed` for what the caller's team or key may not name.
 */
export const deploymentsOf = (
  table: RoutingTable,
  name: string,
  { team, permissions }: { team: string; permissions?: Permissions | undefined },
  { tiers = false }: { tiers?: boolean } = {},
): Candidate[] => {
  const named = table.models.get(name);
  if (named !== undefined) {
    if (mayUseNamed(permissions, name)) return named;
    throw new GatewayError('model_not_allowed', `This key may not use model "${name}".`, { param: 'model' });
  }
  const tier = tiers ? table.tiers.find((each) => each.name === name) : undefined;
  const inTiers = tier ? [...tier.candidates].sort((a, b) => b.weight - a.weight) : modelsCalled(table, name);
  if (inTiers.length === 0) {
    const message = `The model "${name}" does not exist: no model of this gateway has that name.`;
    throw new GatewayError('model_not_found', message, { param: 'model' });
  }
  const isTeamBound = table.teams[team]?.routes !== undefined;
  const allowed =
    isTeamBound || !mayNameModels(permissions)
      ? []
      : inTiers.filter((candidate) => mayUseModel(permissions, candidate));
  if (allowed.length > 0) return allowed;
  const who = isTeamBound ? `Team "${team}"` : 'This key';
  throw new GatewayError('model_not_allowed', `${who} may not use model "${name}" directly.`, { param: 'model' });
};

const modelsCalled = ({ tiers }: RoutingTable, name: string): Candidate[] =>
  tiers.toReversed().flatMap(({ candidates }) => candidates.filter((candidate) => isCalled(candidate, name)));
