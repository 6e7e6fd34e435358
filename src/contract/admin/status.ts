import { z } from 'zod';

const UpstreamStateSchema = z.strictObject({
  state: z.enum(['ready', 'starting', 'down', 'disabled']),
  detail: z.string(),
});

const ModelStateSchema = z.strictObject({
  circuit: z.enum(['closed', 'half-open', 'open']),
  /** Milliseconds until it may be asked again; 0 when it may be asked now. */
  retryInMs: z.number(),
  latencyMs: z.number().nullable(),
});

/** `GET /admin/api/status`. Viewers of one team see the tiers, and neither upstreams, models nor problems. */
export const StatusSchema = z.strictObject({
  version: z.string(),
  /** ISO 8601. */
  startedAt: z.string(),
  uptimeSeconds: z.number(),
  /** `ready`: everything works. `degraded`: requests are answered by what is left. `unavailable`: by nothing. */
  status: z.enum(['ready', 'degraded', 'unavailable']),
  config: z.strictObject({ version: z.string(), loadedAt: z.string(), problems: z.array(z.string()) }),
  tiers: z.record(z.string(), z.enum(['ready', 'unavailable'])),
  upstreams: z.record(z.string(), UpstreamStateSchema),
  /** What requests can do without, by name: Redis where there is one. */
  services: z.record(z.string(), z.strictObject({ state: z.enum(['ready', 'degraded', 'down']), detail: z.string() })),
  /** By `upstream/model`. */
  models: z.record(z.string(), ModelStateSchema),
});
export type Status = z.infer<typeof StatusSchema>;
