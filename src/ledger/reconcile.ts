import type { NanoUsd } from '../lib/money.ts';

/** What one side counted for a model on a day (UTC, `2026-11-20`). `costNanoUsd` null: it does not tell. */
export type DayUsage = {
  day: string;
  model: string;
  inputTokens: number;
  outputTokens: number;
  costNanoUsd: NanoUsd | null;
};

export type Gap = {
  day: string;
  model: string;
  /** Null where that side has nothing. */
  here: DayUsage | null;
  there: DayUsage | null;
  why: 'equal' | 'missing here' | 'missing there' | 'token difference' | 'price difference' | 'rounding';
  /** There less here; null where a side does not tell its cost. */
  gapNanoUsd: NanoUsd | null;
};

/** Half a cent a line, as exports are rounded to cents. */
const ROUNDING_NANO_USD = 5_000_000;
const DATED = /[-@](?:\d{4}-\d\d-\d\d|\d{8})$/;

/**
 * A provider's usage beside the ledger's, by day and model, the largest gaps first. The date of a snapshot at the end of
 * a model's name is left out on both sides: providers bill the snapshot that a request's model stood for.
 */
export const reconcile = (here: readonly DayUsage[], there: readonly DayUsage[]): Gap[] => {
  const [ours, theirs] = [addedUp(here), addedUp(there)];
  return [...new Set([...ours.keys(), ...theirs.keys()])]
    .map((key) => gapOf(ours.get(key) ?? null, theirs.get(key) ?? null))
    .sort(
      (a, b) =>
        Math.abs(b.gapNanoUsd ?? 0) - Math.abs(a.gapNanoUsd ?? 0) ||
        tokenGap(b) - tokenGap(a) ||
        (a.day < b.day ? -1 : 1),
    );
};

const tokenGap = ({ here, there }: Gap): number =>
  Math.abs((here?.inputTokens ?? 0) - (there?.inputTokens ?? 0)) +
  Math.abs((here?.outputTokens ?? 0) - (there?.outputTokens ?? 0));

const addedUp = (usage: readonly DayUsage[]): Map<string, DayUsage> => {
  const sums = new Map<string, DayUsage>();
  for (const row of usage) {
    const model = row.model.replace(DATED, '');
    const key = `${row.day} ${model}`;
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { ...row, model });
    else {
      sum.inputTokens += row.inputTokens;
      sum.outputTokens += row.outputTokens;
      sum.costNanoUsd = sum.costNanoUsd === null || row.costNanoUsd === null ? null : sum.costNanoUsd + row.costNanoUsd;
    }
  }
  return sums;
};

const gapOf = (here: DayUsage | null, there: DayUsage | null): Gap => {
  const { day, model } = (here ?? there) as DayUsage;
  const isKnown = here?.costNanoUsd !== null && there?.costNanoUsd !== null;
  const gapNanoUsd = isKnown ? (there?.costNanoUsd ?? 0) - (here?.costNanoUsd ?? 0) : null;
  return { day, model, here, there, gapNanoUsd, why: whyOf(here, there, gapNanoUsd) };
};

const whyOf = (here: DayUsage | null, there: DayUsage | null, gap: NanoUsd | null): Gap['why'] => {
  if (here === null) return 'missing here';
  if (there === null) return 'missing there';
  if (here.inputTokens !== there.inputTokens || here.outputTokens !== there.outputTokens) return 'token difference';
  // Many exports tell tokens alone.
  if (gap === 0 || there.costNanoUsd === null) return 'equal';
  return gap !== null && Math.abs(gap) <= ROUNDING_NANO_USD ? 'rounding' : 'price difference';
};
