import type { RouteConfig } from '../config/route-schema.ts';
import type { DecideInput } from './decide.ts';
import type { Candidate, RoutingTable, Tier } from './routing-table.ts';

/** The chosen tier, then those the route lets us fall back to: stronger ones in order, then weaker ones if `any`. */
export const tierOrder = ({ tiers }: RoutingTable, chosen: Tier, { fallback }: RouteConfig): Tier[] => {
  const at = tiers.indexOf(chosen);
  if (fallback === 'none') return [chosen];
  const stronger = tiers.slice(at);
  return fallback === 'up' ? stronger : [...stronger, ...tiers.slice(0, at).reverse()];
};

/** One model drawn by weight, then the others by falling weight; weight 0 is never drawn first. */
const weighted = (candidates: Candidate[], random: number): Candidate[] => {
  let left = random * candidates.reduce((sum, { weight }) => sum + weight, 0);
  const drawn = candidates.find(({ weight }) => {
    left -= weight;
    return weight > 0 && left < 0;
  });
  const others = candidates.filter((candidate) => candidate !== drawn).sort((a, b) => b.weight - a.weight);
  return drawn ? [drawn, ...others] : others;
};

/** The models of a tier in the order to ask them: drawn by weight, or the fastest first where the tier says so. */
export const balanced = (
  { candidates, balance }: Tier,
  { random, health }: Pick<DecideInput, 'random' | 'health'>,
): Candidate[] => {
  const order = weighted(candidates, random);
  if (balance === 'weighted') return order;
  // A model that was not measured yet goes first, once; weight 0 stays for failures of the others.
  const latency = ({ upstream, model }: Candidate) => health.get(`${upstream}/${model}`)?.latencyMs ?? 0;
  return order.sort((a, b) => Number(a.weight === 0) - Number(b.weight === 0) || latency(a) - latency(b));
};
