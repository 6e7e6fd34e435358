import { z } from 'zod';

/** What is left out does not restrict. */
export const CacheQuerySchema = z.strictObject({
  team: z.string().min(1).optional(),
  route: z.string().min(1).optional(),
  /** Entries stored longer ago than this: `90m`, `24h`, `7d`. Answers it in milliseconds. */
  olderThan: z
    .string()
    .regex(/^\d{1,6}[smhd]$/, 'write 30s, 90m, 24h or 7d')
    .transform(
      (text) => Number.parseInt(text, 10) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[text.at(-1) ?? ''] ?? 0) * 1_000,
    )
    .optional(),
});

/** `DELETE /admin/api/cache`: with `dryRun`, only says what would go. */
export const CacheClearQuerySchema = CacheQuerySchema.extend({ dryRun: z.stringbool().default(false) });

const HeldSchema = z.strictObject({
  entries: z.number(),
  /** As they are kept, compressed. */
  bytes: z.number(),
  /** By team and route; `#…` for a team that is not in routes.yaml. */
  rows: z.array(z.strictObject({ team: z.string(), route: z.string(), entries: z.number(), bytes: z.number() })),
});

/** `GET` and `DELETE /admin/api/cache`: the entries that are there, or that went, and the questions that lead to them. */
export const CacheReportSchema = HeldSchema.extend({ questions: HeldSchema });
export type CacheReport = z.infer<typeof CacheReportSchema>;
