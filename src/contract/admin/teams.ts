import { z } from 'zod';

/** One team: what routes.yaml says of it. Teams that only keys name have no limits. */
export const TeamViewSchema = z.strictObject({
  name: z.string(),
  /** Whether routes.yaml knows it. */
  isConfigured: z.boolean(),
  /** Routes it may use; null for all. */
  routes: z.array(z.string()).nullable(),
  limits: z.record(z.string(), z.unknown()),
  /** As in routes.yaml; null for none. */
  budget: z.record(z.string(), z.unknown()).nullable(),
  /** Keys of clients that are active. */
  activeKeys: z.int(),
});
export type TeamView = z.infer<typeof TeamViewSchema>;

/** `GET /admin/api/teams`, by name. */
export const TeamListSchema = z.strictObject({ teams: z.array(TeamViewSchema) });
export type TeamList = z.infer<typeof TeamListSchema>;
