import { AUTO_MODEL } from '../contract/vocabulary.ts';
import type { Billing } from '../ledger/price.ts';
import type { Runtime } from '../ports.ts';
import type { Candidate } from '../routing/routing-table.ts';

/**
 * An entry of `/v1/models` (https://platform.openai.com/docs/api-reference/models/object). What is beyond OpenAI's four
 * keys is there where it is known; `context_length` and `pricing`, in USD for one token, are written as OpenRouter does
 * (https://openrouter.ai/docs/api-reference/list-available-models).
 */
export type ModelEntry = {
  id: string;
  object: 'model';
  created: number;
  owned_by: string;
  /** `named`: outside the tiers, for requests that ask for it by name. */
  kind: 'auto' | 'route' | 'tier' | 'model' | 'named';
  /** Of a model: the tier it stands in. */
  tier?: string;
  /** Longest prompt, in tokens, that something behind this name takes. */
  context_length?: number;
  pricing?: { prompt: string; completion: string };
  /** What something behind this name can do beside text. */
  capabilities?: string[];
};

type ModelList = { entries: ReadonlyMap<string, ModelEntry>; json: string };

/** Clients ask for the list before every chat, so it is made once for each version of routes.yaml. */
const lists = new WeakMap<Runtime, ModelList>();

/** Every name that a client may send as `model`: `auto`, routes, tiers, and the models; each once. */
export const listModels = (runtime: Runtime, createdAtMs: number): ModelList => {
  const known = lists.get(runtime);
  if (known !== undefined) return known;
  const entries = entriesOf(runtime, Math.floor(createdAtMs / 1000));
  const list = { entries, json: JSON.stringify({ object: 'list', data: [...entries.values()] }) };
  lists.set(runtime, list);
  return list;
};

const entriesOf = ({ table, billingOf }: Runtime, created: number): ReadonlyMap<string, ModelEntry> => {
  const entries = new Map<string, ModelEntry>();
  const add = (id: string, kind: ModelEntry['kind'], ownedBy: string, candidates: readonly Candidate[]) => {
    if (entries.has(id)) return;
    const contexts = candidates.flatMap(({ contextTokens }) => contextTokens ?? []);
    const capabilities = [...new Set(candidates.flatMap((candidate) => [...candidate.capabilities]))].sort();
    const [only] = candidates.length === 1 ? candidates : [];
    const pricing = only && kind !== 'tier' ? pricingOf(billingOf(only)) : null;
    entries.set(id, {
      id,
      object: 'model',
      created,
      owned_by: ownedBy,
      kind,
      ...(kind === 'model' && { tier: candidates[0]!.tier }),
      ...(contexts.length > 0 && { context_length: Math.max(...contexts) }),
      ...(pricing && { pricing }),
      ...(kind !== 'named' && { capabilities }),
    });
  };
  const all = table.candidates;
  add(AUTO_MODEL, 'auto', 'rightsize', all);
  for (const { name, tier } of table.routes) {
    add(name, 'route', 'rightsize', tier === undefined ? all : all.filter((candidate) => candidate.tier === tier));
  }
  for (const { name, candidates } of table.tiers) add(name, 'tier', 'rightsize', candidates);
  for (const candidate of all) add(candidate.model, 'model', candidate.upstream, [candidate]);
  for (const [name, candidates] of table.models) add(name, 'named', candidates[0]!.upstream, candidates);
  return entries;
};

const pricingOf = (billing: Billing): ModelEntry['pricing'] | null => {
  if (billing.kind === 'unknown') return null;
  if (billing.kind === 'free') return { prompt: '0', completion: '0' };
  return { prompt: toUsd(billing.row.inputPicoUsd), completion: toUsd(billing.row.outputPicoUsd) };
};

/** `1250000` pico-USD is `0.00000125`: the exact decimal. */
const toUsd = (picoUsd: number): string => {
  const digits = picoUsd.toString().padStart(13, '0');
  const fraction = digits.slice(-12).replace(/0+$/, '');
  return digits.slice(0, -12) + (fraction && `.${fraction}`);
};
