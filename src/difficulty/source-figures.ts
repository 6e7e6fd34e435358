import { z } from 'zod';
import { apgrInterval, measureRouting, type Outcome } from './metrics.ts';

/** An outcome with where it came from and the length of its prompt in characters. */
export type SourcedOutcome = Outcome & { source: string; length: number };

const figure = z.number().nullable();

/** One line of the table: `measureRouting` for a source, with the interval of APGR and what length alone reaches. */
export const SourceFiguresSchema = z.object({
  source: z.string(),
  rows: z.int(),
  weak: z.number(),
  strong: z.number(),
  apgr: figure,
  apgrLow: figure,
  apgrHigh: figure,
  lengthApgr: figure,
  cpt50: figure,
  cpt80: figure,
  auc: figure,
  lengthAuc: figure,
  ece: z.number(),
});
export type SourceFigures = z.infer<typeof SourceFiguresSchema>;

/** Figures per source, in order of first appearance; with several sources also for `all` together, as mixed traffic. */
export const measureSources = (outcomes: readonly SourcedOutcome[]): SourceFigures[] => {
  const bySource = Map.groupBy(outcomes, (outcome) => outcome.source);
  const figures = [...bySource].map(([source, group]) => measureSource(source, group));
  return bySource.size > 1 ? [...figures, measureSource('all', outcomes)] : figures;
};

/** A Markdown table; the last column says where the interval of APGR leaves chance (0.5) behind. */
export const toMarkdown = (figures: readonly SourceFigures[]): string => {
  const lines = figures.map((row) =>
    [
      row.source,
      row.rows,
      digits(row.weak),
      digits(row.strong),
      digits(row.apgr),
      row.apgrLow === null ? '-' : `${digits(row.apgrLow)} to ${digits(row.apgrHigh)}`,
      digits(row.lengthApgr),
      percent(row.cpt50),
      percent(row.cpt80),
      digits(row.auc),
      digits(row.lengthAuc),
      digits(row.ece),
      verdict(row),
    ].join(' | '),
  );
  return [
    '| source | rows | weak | strong | APGR | 95 % interval | APGR by length | CPT50 | CPT80 | AUC | AUC by length | ECE | against chance |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...lines.map((line) => `| ${line} |`),
    '',
  ].join('\n');
};

const measureSource = (source: string, outcomes: readonly SourcedOutcome[]): SourceFigures => {
  const { rows, weak, strong, apgr, cpt50, cpt80, auc, ece } = measureRouting(outcomes);
  const byLength = measureRouting(outcomes.map((outcome) => ({ ...outcome, difficulty: outcome.length })));
  const interval = apgrInterval(outcomes);
  const exact: SourceFigures = {
    source,
    rows,
    weak,
    strong,
    apgr,
    apgrLow: interval?.low ?? null,
    apgrHigh: interval?.high ?? null,
    lengthApgr: byLength.apgr,
    cpt50,
    cpt80,
    auc,
    lengthAuc: byLength.auc,
    ece,
  };
  return Object.fromEntries(Object.entries(exact).map(([key, value]) => [key, toFourDigits(value)])) as SourceFigures;
};

const toFourDigits = <T>(value: T) => (typeof value === 'number' ? Math.round(value * 1e4) / 1e4 : value);
const digits = (value: number | null): string => value?.toFixed(3) ?? '-';
const percent = (value: number | null): string => (value === null ? '-' : `${(value * 100).toFixed(1)} %`);

/** Below this gap between the models, APGR divides by next to nothing and says nothing. */
const SMALLEST_GAP = 0.03;

const verdict = ({ weak, strong, apgrLow, apgrHigh }: SourceFigures): string => {
  if (apgrLow === null || apgrHigh === null || strong - weak < SMALLEST_GAP) return 'no gap to recover';
  if (apgrLow > 0.5) return 'better';
  return apgrHigh < 0.5 ? 'worse' : 'no different';
};
