import { z } from 'zod';

/** Which worker: 1 to 64. Worker 1 does what only one may do. */
const WorkerNumber = z.int().min(1).max(64);

/** What workers say to each other, by what it is about; each topic's own code checks the body. */
export const TOPICS = ['models', 'config'] as const;
export type Topic = (typeof TOPICS)[number];

/** One metric as prom-client tells it to be added up (`getMetricsAsJSON`); its values are prom-client's own affair. */
const MetricSchema = z.looseObject({ name: z.string(), type: z.string(), values: z.array(z.unknown()) });
const FiguresSchema = z.array(MetricSchema);
export type Figures = z.infer<typeof FiguresSchema>;

/** From a worker to the process that runs them. */
export const FromWorkerSchema = z.discriminatedUnion('type', [
  /** It listens. */
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({
    type: z.literal('relay'),
    to: z.union([WorkerNumber, z.literal('others')]),
    topic: z.enum(TOPICS),
    body: z.unknown(),
  }),
  /** Its answer to `give-figures`. */
  z.strictObject({ type: z.literal('figures'), id: z.int(), figures: FiguresSchema }),
  z.strictObject({ type: z.literal('ask-figures'), id: z.int() }),
]);
export type FromWorker = z.infer<typeof FromWorkerSchema>;

/** To a worker. */
export const ToWorkerSchema = z.discriminatedUnion('type', [
  /** The workers that listen, itself included. */
  z.strictObject({ type: z.literal('listening'), workers: z.array(WorkerNumber) }),
  /** A worker's process has ended. One with the same number may follow. */
  z.strictObject({ type: z.literal('gone'), worker: WorkerNumber }),
  z.strictObject({ type: z.literal('relayed'), from: WorkerNumber, topic: z.enum(TOPICS), body: z.unknown() }),
  z.strictObject({ type: z.literal('give-figures'), id: z.int() }),
  /** The answer to `ask-figures`: of each worker, and of those that have ended. */
  z.strictObject({ type: z.literal('all-figures'), id: z.int(), all: z.array(FiguresSchema) }),
  /** Let running requests end, then end. */
  z.strictObject({ type: z.literal('stop') }),
  /** Break off what runs, and end. */
  z.strictObject({ type: z.literal('stop-now') }),
  /** Read routes.yaml again, and have the others do so; see `shareReloads`. */
  z.strictObject({ type: z.literal('reload') }),
]);
export type ToWorker = z.infer<typeof ToWorkerSchema>;
