import { z } from 'zod';

/**
 * `POST /admin/api/simulate`: the requests of a range (ISO 8601) decided again. `config` is the text of another
 * routes.yaml; without it the one in force decides, and `thresholds` (by name of the route) and `enforce` change it.
 */
export const SimulateQuerySchema = z.strictObject({
  from: z.iso.datetime({ offset: true }),
  to: z.iso.datetime({ offset: true }),
  config: z.string().max(1_048_576).optional(),
  thresholds: z.record(z.string(), z.number().min(0).max(1)).default({}),
  /** Names of routes that only watch, to be taken as if they were enforced. */
  enforce: z.array(z.string()).default([]),
});
export type SimulateQuery = z.input<typeof SimulateQuerySchema>;

/** What a policy does with requests. Money is integer nano-USD. */
export type PolicyFigures = {
  requests: number;
  costNanoUsd: number;
  /** Requests for which no cost can be told. */
  unknownCosts: number;
  /** Part of the requests that the weakest tier answers, 0 to 1. */
  smallShare: number;
  /** Mean probability that nobody would have preferred the stronger tier's answer; null without difficulties. */
  expectedQuality: number | null;
  p50Ms: number | null;
  p95Ms: number | null;
};

export type Simulation = {
  /** Requests of the range that could be decided again. */
  replayed: number;
  /** Requests that could not, by reason in words. */
  leftOut: Record<string, number>;
  /** More requests than were looked at: the figures are of an even sample. */
  isSample: boolean;
  before: PolicyFigures;
  after: PolicyFigures;
  byTeam: { team: string; before: PolicyFigures; after: PolicyFigures }[];
};

/** `GET /admin/api/simulate/curve`: for a route by difficulty, its figures at each threshold from 0 to 1 by 0.01. */
export const CurveQuerySchema = z.strictObject({
  from: z.iso.datetime({ offset: true }),
  to: z.iso.datetime({ offset: true }),
  route: z.string().min(1).max(63),
});
export type CurveQuery = z.output<typeof CurveQuerySchema>;
export type ThresholdCurve = {
  route: string;
  /** The threshold in force; null where the route holds a share or a quality instead. */
  current: number | null;
  /** More requests than were looked at: the figures are of an even sample. */
  isSample: boolean;
  points: { threshold: number; figures: PolicyFigures }[];
};
