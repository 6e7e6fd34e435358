import { AUTO_MODEL } from '../contract/vocabulary.ts';
import type { RoutingTable } from '../routing/routing-table.ts';

/** An entry of `/v1/models` (https://platform.openai.com/docs/api-reference/models/object), with our kind as an extra. */
export type ModelEntry = {
  id: string;
  object: 'model';
  created: number;
  owned_by: string;
  kind: 'auto' | 'route' | 'tier' | 'model';
};

/** Every name that a client may send as `model`: `auto`, routes, tiers, and the models behind them; each once. */
export const listModels = (table: RoutingTable, createdAtMs: number): ModelEntry[] => {
  const created = Math.floor(createdAtMs / 1000);
  const entries = new Map<string, ModelEntry>();
  const add = (id: string, kind: ModelEntry['kind'], ownedBy: string) => {
    if (!entries.has(id)) entries.set(id, { id, object: 'model', created, owned_by: ownedBy, kind });
  };
  add(AUTO_MODEL, 'auto', 'rightsize');
  for (const { name } of table.routes) add(name, 'route', 'rightsize');
  for (const { name } of table.tiers) add(name, 'tier', 'rightsize');
  for (const { model, upstream } of table.tiers.flatMap(({ candidates }) => candidates)) add(model, 'model', upstream);
  return [...entries.values()];
};
