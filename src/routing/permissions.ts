import type { Permissions } from '../contract/permissions.ts';
import type { Candidate } from './routing-table.ts';

/** What a key may use; undefined for callers whose key restricts nothing. */
type Allowed = Permissions | undefined;

export const mayUseRoute = (allowed: Allowed, route: string): boolean => allowed?.routes?.includes(route) ?? true;

export const mayUseTier = (allowed: Allowed, tier: string): boolean => allowed?.tiers?.includes(tier) ?? true;

/** Whether the model may answer, however it was come to: chosen, fallen back to, escalated to or named. */
export const mayUseModel = (allowed: Allowed, { tier, upstream, model }: Candidate): boolean =>
  mayUseTier(allowed, tier) &&
  (allowed?.models === undefined || allowed.models.includes(model) || allowed.models.includes(`${upstream}/${model}`));

/** Whether models may be asked for by their own names: a key for certain routes must list the models that it may name. */
export const mayNameModels = (allowed: Allowed): boolean =>
  allowed?.routes === undefined || allowed.models !== undefined;

/** The same for a model outside the tiers, by the name that clients know: a key with any limit must list it. */
export const mayUseNamed = (allowed: Allowed, name: string): boolean =>
  allowed?.models?.includes(name) ?? (allowed?.tiers === undefined && allowed?.routes === undefined);
