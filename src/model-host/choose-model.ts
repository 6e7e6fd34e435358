import { CATALOGUE, type CatalogueEntry, estimatedMemoryBytes } from './catalogue.ts';
import { type Fit, judgeFit, type Machine } from './fit.ts';

export type Choice = { entry: CatalogueEntry; fit: Fit; reasons: string[] };

/** Without an accelerator a token takes time by the parameters that it passes through: beyond this, no pleasure to read. */
const MAX_ACTIVE_B_ON_CPU = 4.5;

/**
 * The strongest model of the catalogue that the machine can run at a good speed, and why that one.
 * @param wish a family (`qwen`), a task (`chat`, `embeddings`, `rerank`) or a strength (`code`); chat by default.
 * @returns null when nothing answers to the wish, or nothing of it fits.
 */
export const chooseModel = (wish: string | null, machine: Machine): Choice | null => {
  const candidates = CATALOGUE.filter((entry) => (wish === null ? entry.task === 'chat' : answersTo(entry, wish)));
  for (const entry of [...candidates].reverse()) {
    const fit = judgeFit(estimatedMemoryBytes(entry), machine);
    if (!fit.fits || (fit.where !== 'accelerator' && entry.activeB > MAX_ACTIVE_B_ON_CPU)) continue;
    return { entry, fit, reasons: reasonsFor(entry, fit, wish, candidates) };
  }
  return null;
};

/** Everything that can be wished for. */
export const wishes = (): string[] => [
  ...new Set(CATALOGUE.flatMap(({ family, task, strengths }) => [family, task, ...strengths])),
];

const answersTo = ({ family, task, strengths }: CatalogueEntry, wish: string): boolean =>
  [family, task as string, ...strengths].includes(wish.toLowerCase());

const reasonsFor = (entry: CatalogueEntry, fit: Fit, wish: string | null, candidates: CatalogueEntry[]): string[] => {
  const stronger = candidates.slice(candidates.indexOf(entry) + 1).map(({ name }) => name);
  const isSparse = entry.activeB < entry.parametersB;
  return [
    `${entry.name} ${fit.why}`,
    ...(stronger.length > 0
      ? [`stronger${wish ? ` for ${wish}` : ''}, but too large or too slow here: ${stronger.join(', ')}`]
      : [`nothing in the catalogue is stronger${wish ? ` for ${wish}` : ''}`]),
    ...(isSparse
      ? [`of its ${entry.parametersB}B parameters a token passes through ${entry.activeB}B, so it is fast`]
      : []),
    `good at: ${entry.strengths.join(', ')}; licence: ${entry.license}`,
  ];
};
