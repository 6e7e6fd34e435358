import { z } from 'zod';

/** What every report takes: a range of time (ISO 8601, the end not included) and filters. */
const filter = {
  from: z.iso.datetime({ offset: true }),
  to: z.iso.datetime({ offset: true }),
  team: z.string().max(63).optional(),
  keyId: z.string().max(64).optional(),
  route: z.string().max(63).optional(),
  tier: z.string().max(63).optional(),
  model: z.string().max(256).optional(),
};
export const ReportQuerySchema = z.strictObject(filter);
export type ReportQuery = z.output<typeof ReportQuerySchema>;

/** `by: tag` needs the name of one in `tag`. */
export const BreakdownQuerySchema = z
  .strictObject({
    ...filter,
    by: z.enum(['team', 'key', 'model', 'route', 'tier', 'tag']),
    tag: z.string().min(1).max(64).optional(),
  })
  .refine(({ by, tag }) => by !== 'tag' || tag !== undefined, { path: ['tag'], message: 'which tag is meant?' });
export type BreakdownQuery = z.output<typeof BreakdownQuerySchema>;

/** Sums over requests. Money is integer nano-USD; milliseconds are null where nothing was measured. */
export type Totals = {
  requests: number;
  ok: number;
  errors: number;
  aborted: number;
  refused: number;
  streamed: number;
  /** Requests of which an unsure answer was handed to a stronger tier. */
  escalated: number;
  /** Requests that were answered after another model had failed. */
  fellBack: number;
  cacheHits: number;
  promptTokens: number;
  cachedTokens: number;
  completionTokens: number;
  costNanoUsd: number;
  /** Requests whose cost is not known, for want of a price: their cost is in no sum. */
  unknownCosts: number;
  baselineNanoUsd: number;
  savedNanoUsd: number;
  fullSavedNanoUsd: number;
  /** The part of `savedNanoUsd` that the cache brought. */
  cacheSavedNanoUsd: number;
  wasteNanoUsd: number;
  hardwareNanoUsd: number;
  energyWh: number;
  p50Ms: number | null;
  p95Ms: number | null;
  firstTokenP50Ms: number | null;
  firstTokenP95Ms: number | null;
  overheadP50Ms: number | null;
};

/** `GET /admin/api/report/revision`: another text once requests were added that the caller may see; cheap to ask for. */
export type Revision = { revision: string };

/** `GET /admin/api/report/summary`: the range, and the equally long one before it. */
export type Summary = { now: Totals; before: Totals };

/** `GET /admin/api/report/series`: the range in at most 400 steps, oldest first, by the day from a fortnight on; steps without requests are there too. */
export type ReportSeries = {
  stepMs: number;
  points: {
    /** Unix milliseconds at which the step begins. */
    at: number;
    totals: Totals;
    /** Requests by the tier that answered; `cache` for those from the cache, `none` for those without an answer. */
    byTier: Record<string, number>;
  }[];
};

/** `GET /admin/api/report/breakdown`: at most 500 rows, the most expensive first. `name` null: the request had none. */
export type Breakdown = { rows: { name: string | null; totals: Totals }[]; isComplete: boolean };

/** `GET /admin/api/report/difficulty`: how difficult requests were and what became of them, in fifty equal steps. */
export type DifficultyHistogram = {
  steps: {
    /** Where the step begins; it is 0.02 wide. */
    from: number;
    /** Requests by what became of them: the tier that answered first, `escalated`, or `failed`. */
    counts: Record<string, number>;
  }[];
};
