import type { CacheScope } from './cache/cache-key.ts';
import type { UpstreamConfig } from './config/upstream-schema.ts';
import type { Caller } from './contract/caller.ts';
import type { Permissions } from './contract/permissions.ts';
import type { Runtime } from './ports.ts';
import { mayUseModel } from './routing/permissions.ts';
import type { Selection } from './routing/select-route.ts';

/**
 * What requests have to share beside their meaning before they share an answer. Callers whose keys may use different
 * models share none: it may be one of a model that is not for them.
 */
export const cacheScopes = ({
  config,
  table,
}: Pick<Runtime, 'config' | 'table'>): ((caller: Caller, selection: Selection) => CacheScope) => {
  const tiers = table.tiers.map(({ name, candidates }) => ({
    name: JSON.stringify(name),
    models: candidates.map((candidate) => ({
      candidate,
      text: JSON.stringify([candidate.upstream, candidate.model, placeOf(config.routes.upstreams[candidate.upstream])]),
    })),
  }));
  const modelsFor = (permissions: Permissions | undefined): string[] =>
    tiers.map(({ name, models }) => {
      const allowed = models.filter(({ candidate }) => mayUseModel(permissions, candidate));
      return `[${[name, ...allowed.map(({ text }) => text)].join()}]`;
    });
  const all = modelsFor(undefined);
  return ({ team, permissions }, { route, forcedTier }) => ({
    team,
    route: route?.name ?? 'direct',
    forcedTier,
    models: permissions === undefined ? all : modelsFor(permissions),
  });
};

/** Where an upstream's models are: the same name at another place is another model. */
const placeOf = (upstream: UpstreamConfig | undefined): string | null => {
  if (upstream === undefined) return null;
  return `${upstream.kind} ${upstream.kind === 'llama' ? upstream.model : (upstream.url ?? '')}`;
};
