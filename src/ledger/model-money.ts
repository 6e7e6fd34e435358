import type { LoadedConfig } from '../config/loaded-config.ts';
import type { Price } from '../config/price-schema.ts';
import { UPSTREAM_DEFAULTS } from '../config/upstream-defaults.ts';
import type { UpstreamConfig } from '../config/upstream-schema.ts';
import type { Candidate, RoutingTable } from '../routing/routing-table.ts';
import type { Baseline } from './exchange.ts';
import { BusyTime, type Hardware } from './hardware.ts';
import { type Billing, billingOf } from './price.ts';
import type { PriceBook } from './price-book.ts';

/** How the models of one routes.yaml are paid for. */
export type ModelMoney = {
  billingOf(candidate: Candidate): Billing;
  /** One's own hardware behind a model; null where it is somebody else's. */
  hardwareOf(candidate: Candidate): Hardware | null;
  /** What a request would cost without us: the first priced model of the strongest tier; null where none has a price. */
  baseline: Baseline | null;
};

/** @param busy how busy each upstream's hardware is, by its name: handed in because it outlives a reload. */
export const moneyOf = (
  { routes }: LoadedConfig,
  { tiers, candidates, models }: Pick<RoutingTable, 'tiers' | 'candidates' | 'models'>,
  busy: Map<string, BusyTime>,
  prices: Pick<PriceBook, 'find'>,
): ModelMoney => {
  const billingOfCandidate = ({ upstream, model, config }: Candidate): Billing => {
    const at = routes.upstreams[upstream];
    if (at === undefined || config.price !== undefined) return billingOf(at === undefined, config.price);
    return isFree(at) ? billingOf(true, undefined) : billingOf(false, listPrice(at, model, prices));
  };
  const billings = new Map(
    [...candidates, ...[...models.values()].flat()].map(
      (candidate) => [candidate, billingOfCandidate(candidate)] as const,
    ),
  );
  const strongestFirst = tiers.toReversed().flatMap(({ candidates }) => candidates);
  const priced = strongestFirst.find((candidate) => billings.get(candidate)?.kind === 'priced');
  return {
    billingOf: (candidate) => billings.get(candidate) ?? billingOfCandidate(candidate),
    hardwareOf({ upstream: name }) {
      const upstream = routes.upstreams[name];
      if (upstream === undefined || !(UPSTREAM_DEFAULTS[upstream.kind].isLocal || upstream.cost)) return null;
      const time = busy.get(name) ?? new BusyTime();
      busy.set(name, time);
      return { busy: time, cost: upstream.cost ?? null };
    },
    baseline: priced
      ? { upstream: priced.upstream, model: priced.model, billing: billings.get(priced) ?? { kind: 'unknown' } }
      : null,
  };
};

/** Behind another URL stands somebody else, with other prices. */
const listPrice = (upstream: UpstreamConfig, model: string, prices: Pick<PriceBook, 'find'>): Price | undefined => {
  const url = upstream.kind === 'llama' ? undefined : upstream.url;
  const usual = UPSTREAM_DEFAULTS[upstream.kind].url;
  const isUsual = url === undefined || usual === undefined || new URL(url).host === new URL(usual).host;
  return isUsual ? prices.find(upstream.kind, model) : undefined;
};

const isFree = (upstream: UpstreamConfig): boolean =>
  upstream.kind === 'llama' || (upstream.free ?? UPSTREAM_DEFAULTS[upstream.kind].isLocal);
