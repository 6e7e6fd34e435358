import { z } from 'zod';

const names = z.array(z.string().min(1).max(200)).min(1).max(200);

/**
 * What a virtual key may use, by name; what is absent is not restricted. A model is named as clients name it, or as
 * `upstream/model`. All that are given must hold.
 */
export const PermissionsSchema = z.strictObject({
  routes: names.optional(),
  tiers: names.optional(),
  models: names.optional(),
});
export type Permissions = z.infer<typeof PermissionsSchema>;
