import type { LoadedConfig } from '../config/loaded-config.ts';
import type { NamedModelConfig } from '../config/named-model-schema.ts';
import type { RouteConfig } from '../config/route-schema.ts';
import type { TeamConfig } from '../config/team-schema.ts';
import type { TierConfig, TierModelConfig } from '../config/tier-schema.ts';
import { apisOf, UPSTREAM_DEFAULTS } from '../config/upstream-defaults.ts';
import type { UpstreamConfig } from '../config/upstream-schema.ts';
import type { Api, UpstreamKind } from '../contract/vocabulary.ts';
import { createTimeWindow, type TimeWindow } from './time-window.ts';

export type Capability = 'tools' | 'images' | 'audio' | 'json';

/** One model of a tier, with everything a decision asks about it. */
export type Candidate = {
  tier: string;
  upstream: string;
  model: string;
  weight: number;
  capabilities: ReadonlySet<Capability>;
  /** The wire formats of its upstream. */
  apis: ReadonlySet<Api>;
  /** Null when not known: then the upstream itself is the judge. */
  contextTokens: number | null;
  /** How long its embeddings may be served again; absent: not at all. */
  cacheTtlMs?: number;
  config: TierModelConfig;
};

export type Tier = { name: string; candidates: Candidate[]; balance: TierConfig['balance'] };

/** The part of routes.yaml that decisions read, with names resolved. Tiers are weakest first. */
export type RoutingTable = {
  tiers: Tier[];
  /** All models of the tiers, in their order. */
  candidates: readonly Candidate[];
  /** Models outside the tiers by the name that clients send; those of one name stand in for each other in order. */
  models: ReadonlyMap<string, Candidate[]>;
  routes: RouteConfig[];
  teams: Record<string, TeamConfig>;
  /** By name of the route, for those that hold at certain times only. */
  timeWindows: ReadonlyMap<string, TimeWindow>;
  /** Whether any rule asks for the language of a request. */
  usesLanguage: boolean;
};

const DEFAULT_CAPABILITIES: Record<'embedded' | 'runtime' | 'cloud', Capability[]> = {
  embedded: ['tools', 'json'],
  runtime: ['tools', 'json'],
  cloud: ['tools', 'images', 'audio', 'json'],
};

export const compileRoutingTable = (config: LoadedConfig): RoutingTable => {
  const { upstreams, models, routes, teams } = config.routes;
  const tiers = config.routes.tiers.map(
    (tier): Tier => ({
      name: tier.name,
      balance: tier.balance,
      candidates: tier.models.flatMap((model) => {
        const upstream = upstreams[model.upstream];
        return upstream ? [toCandidate(tier.name, model, upstream)] : [];
      }),
    }),
  );
  return {
    tiers,
    candidates: tiers.flatMap(({ candidates }) => candidates),
    routes,
    teams,
    models: namedModels(models, upstreams),
    timeWindows: new Map(
      routes.flatMap(({ name, match: { time } }) => (time === undefined ? [] : [[name, createTimeWindow(time)]])),
    ),
    usesLanguage: routes.some(({ match }) => match.language !== undefined),
  };
};

/** Whether a client means this model by a name: its own, or `upstream/model`. */
export const isCalled = ({ upstream, model }: Candidate, name: string): boolean =>
  model === name || `${upstream}/${model}` === name;

/** Stands where a tier's name would: a model that was named and not chosen. */
export const NO_TIER = 'direct';

const namedModels = (
  models: NamedModelConfig[],
  upstreams: LoadedConfig['routes']['upstreams'],
): ReadonlyMap<string, Candidate[]> => {
  const byName = new Map<string, Candidate[]>();
  for (const { name, cache, ...model } of models) {
    const upstream = upstreams[model.upstream];
    if (upstream === undefined) continue;
    const candidate: Candidate = {
      ...toCandidate(NO_TIER, { ...model, weight: 1 }, upstream),
      ...(cache && { cacheTtlMs: cache.ttl }),
    };
    const called = name ?? candidate.model;
    byName.set(called, [...(byName.get(called) ?? []), candidate]);
  }
  return byName;
};

const toCandidate = (tier: string, config: TierModelConfig, upstream: UpstreamConfig): Candidate => ({
  tier,
  upstream: config.upstream,
  model: config.model ?? localModelName(upstream, config.upstream),
  weight: config.weight,
  capabilities: new Set(config.capabilities ?? DEFAULT_CAPABILITIES[placeOf(upstream.kind)]),
  apis: apisOf(upstream),
  contextTokens: config.contextTokens ?? (upstream.kind === 'llama' ? upstream.contextTokens : null),
  config,
});

const placeOf = (kind: UpstreamKind) =>
  kind === 'llama' ? 'embedded' : UPSTREAM_DEFAULTS[kind].isLocal ? 'runtime' : 'cloud';

/**
 * The name under which a GGUF answers: `hf:Qwen/Qwen3-4B-GGUF:Q4_K_M` is `Qwen3-4B-GGUF:Q4_K_M`,
 * `/models/phi.gguf` is `phi`, and the model in the box is `rightsize-nano`.
 */
export const localModelName = (upstream: UpstreamConfig, fallback: string): string => {
  if (upstream.kind !== 'llama') return fallback;
  if (upstream.model === 'builtin:nano') return 'rightsize-nano';
  const last = upstream.model.split('/').at(-1) ?? fallback;
  return last.replace(/\.gguf$/i, '');
};
