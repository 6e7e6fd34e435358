import { z } from 'zod';

/** One change: who made it, when, to what, and how it was before. Never holds a secret. */
export const AuditEntrySchema = z.strictObject({
  /** `aud_…`; sorts by time. */
  id: z.string(),
  /** ISO 8601. */
  at: z.string(),
  /** The name of the key that was used, or of the program's user on the command line. */
  actor: z.string(),
  actorKeyId: z.string().nullable(),
  via: z.enum(['api', 'cli']),
  action: z.enum([
    'key.create',
    'key.update',
    'key.rotate',
    'key.revoke',
    'config.update',
    'cache.clear',
    'recordings.export',
  ]),
  /** The key's id, the configuration's file, `cache`, or `recordings`. */
  target: z.string(),
  /** What changed, as it was and as it is; null where there was or is nothing. */
  before: z.record(z.string(), z.unknown()).nullable(),
  after: z.record(z.string(), z.unknown()).nullable(),
});
export type AuditEntry = z.infer<typeof AuditEntrySchema>;

/** `GET /admin/api/audit?limit=…&before=…`: newest first. */
export const AuditQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** `next` of the page before. */
  before: z
    .string()
    .regex(/^aud_[0-9a-z]{26}$/)
    .optional(),
});

export const AuditPageSchema = z.strictObject({
  entries: z.array(AuditEntrySchema),
  /** What to ask for as `before` to go on; null at the end. */
  next: z.string().nullable(),
});
export type AuditPage = z.infer<typeof AuditPageSchema>;
