import { z } from 'zod';
import { BudgetSchema, LimitsSchema } from '../limits-schema.ts';
import { PermissionsSchema } from '../permissions.ts';

/** `client`: a virtual key, for inference. `viewer` and `admin`: keys of people, for the admin API. */
export const KeyKindSchema = z.enum(['client', 'viewer', 'admin']);
export type KeyKind = z.infer<typeof KeyKindSchema>;

/** As in routes.yaml. */
const TeamNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'a name of letters, digits, . _ and -');
/** One line of text for people: no control characters, which a terminal would obey. */
const line = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}\p{Cs}]*$/u, 'one line without control characters');
/** Noted on every ledger entry of the key. */
const TagsSchema = z
  .record(z.string().regex(/^[A-Za-z0-9][\w.:/-]{0,63}$/, 'a name of letters, digits and . _ : / -'), line(128))
  .refine((tags) => Object.keys(tags).length <= 16, 'at most 16 tags');
const MomentSchema = z.iso.datetime({ offset: true });

const KeySettingsSchema = z.strictObject({
  /** Whose key it is: a person, a program. */
  name: line(200),
  /** A client's team, `default` where absent; of a viewer the only team whose data it sees, null for all. */
  team: TeamNameSchema.nullable(),
  permissions: PermissionsSchema,
  limits: LimitsSchema,
  budget: BudgetSchema.nullable(),
  tags: TagsSchema,
  /** ISO 8601; null for never. */
  expiresAt: MomentSchema.nullable(),
});

/** `POST /admin/api/keys`. Permissions, limits, budget and tags are for clients' keys alone. */
export const CreateKeySchema = KeySettingsSchema.partial()
  .required({ name: true })
  .extend({ kind: KeyKindSchema.default('client') });
export type CreateKey = z.infer<typeof CreateKeySchema>;

/** `PATCH /admin/api/keys/{id}`: what is given replaces the whole of what was there. */
export const UpdateKeySchema = KeySettingsSchema.partial();
export type UpdateKey = z.infer<typeof UpdateKeySchema>;

/** `POST /admin/api/keys/{id}/rotate`: how long the old secret stays valid beside the new one, at most 30 days. */
export const RotateKeySchema = z.strictObject({ overlapMinutes: z.number().min(0).max(43_200).default(60) });
export type RotateKey = z.infer<typeof RotateKeySchema>;

/** A key as the admin API shows it: everything but the secret. Moments are ISO 8601, null for never. */
export const KeyViewSchema = KeySettingsSchema.extend({
  id: z.string(),
  kind: KeyKindSchema,
  state: z.enum(['active', 'expired', 'revoked']),
  /** The beginning of the secret, to recognise it by. */
  hint: z.string(),
  createdAt: z.string(),
  /** Until when the secret before the last rotation is valid. */
  previousUntil: z.string().nullable(),
  revokedAt: z.string().nullable(),
  /** At most a minute late. */
  lastUsedAt: z.string().nullable(),
  /** Grows with each change. `if-match` of a change may name it. */
  version: z.int(),
});
export type KeyView = z.infer<typeof KeyViewSchema>;

/** `GET /admin/api/keys`, newest first. */
export const KeyListSchema = z.strictObject({ keys: z.array(KeyViewSchema) });
export type KeyList = z.infer<typeof KeyListSchema>;

/** The answer to a creation or a rotation: the only time that the secret is shown. */
export const NewSecretSchema = z.strictObject({
  key: KeyViewSchema,
  secret: z.string(),
  /** What is allowed, and may not do what its author expects, such as a team that routes.yaml does not know. */
  warnings: z.array(z.string()),
});
export type NewSecret = z.infer<typeof NewSecretSchema>;
