import { z } from 'zod';

/** One finding in routes.yaml; `line` and `column` start at 1. Secrets in the excerpt are masked. */
export const ConfigFindingSchema = z.strictObject({
  path: z.string(),
  message: z.string(),
  line: z.int(),
  column: z.int(),
  excerpt: z.string(),
});
export type ConfigFinding = z.infer<typeof ConfigFindingSchema>;

/** `GET /admin/api/config`. */
export const ConfigViewSchema = z.strictObject({
  /** Absolute path. */
  file: z.string(),
  /**
   * The file as it is on disk. Variables stand as `${NAME}`; secrets that are written into it are masked for everyone
   * but admins, who edit it. Null when it cannot be read.
   */
  text: z.string().nullable(),
  /** Version of that text: what `if-match` of a change must name. Null with `text`. */
  textVersion: z.string().nullable(),
  /** The version in force; another than `textVersion` where the file has problems. */
  version: z.string(),
  loadedAt: z.string(),
  /** Whether this process may write the file. */
  isWritable: z.boolean(),
  /** Why the file on disk is not in force. */
  problems: z.array(ConfigFindingSchema),
  /** What is in force and may not do what its author expects. */
  warnings: z.array(ConfigFindingSchema),
});
export type ConfigView = z.infer<typeof ConfigViewSchema>;
