import { z } from 'zod';

/** `admin` may change things, `viewer` may only look. */
export const AdminRoleSchema = z.enum(['admin', 'viewer']);
export type AdminRole = z.infer<typeof AdminRoleSchema>;

/** Who uses the admin API. `team` null: sees everything; else only what belongs to that team, and only looks. */
export const AdminCallerSchema = z.strictObject({
  role: AdminRoleSchema,
  team: z.string().nullable(),
  /** For the audit log: the name that the key was given, or `admin key` for the one of the environment. */
  name: z.string(),
  /** Of a key that was made here; null for the one of the environment. */
  keyId: z.string().nullable(),
});
export type AdminCaller = z.infer<typeof AdminCallerSchema>;
