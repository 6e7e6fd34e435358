import type { Caller } from '../contract/caller.ts';
import { AUTO_MODEL } from '../contract/vocabulary.ts';
import type { Runtime } from '../ports.ts';
import { mayNameModels, mayUseModel, mayUseNamed, mayUseRoute } from '../routing/permissions.ts';
import type { ModelEntry } from './models.ts';

/** Of the names that clients may send as `model`, those that the caller's team and key may use. */
export const modelsOfCaller = (
  entries: ReadonlyMap<string, ModelEntry>,
  { team, permissions }: Caller,
  { table }: Runtime,
): ReadonlyMap<string, ModelEntry> => {
  const ofTeam = table.teams[team]?.routes;
  if (ofTeam === undefined && permissions === undefined) return entries;
  const isRouteOpen = (route: string) => (ofTeam?.includes(route) ?? true) && mayUseRoute(permissions, route);
  const routes = table.routes.filter(({ name }) => isRouteOpen(name));
  const mayName = ofTeam === undefined && mayNameModels(permissions);
  const usable = table.candidates.filter((candidate) => mayUseModel(permissions, candidate));
  const isOpen = ({ id, kind }: ModelEntry): boolean => {
    switch (kind) {
      case 'auto':
        return usable.length > 0 && routes.some(({ match }) => [match.model ?? AUTO_MODEL].flat().includes(AUTO_MODEL));
      case 'route':
        return usable.length > 0 && isRouteOpen(id);
      case 'tier':
        return routes.length > 0 && usable.some(({ tier }) => tier === id);
      case 'model':
        return (
          (mayName && usable.some(({ model }) => model === id)) ||
          (usable.length > 0 && routes.some(({ match }) => [match.model ?? []].flat().includes(id)))
        );
      case 'named':
        return mayUseNamed(permissions, id);
    }
  };
  return new Map([...entries].filter(([, entry]) => isOpen(entry)));
};
