import { z } from 'zod';
import { AdminCallerSchema } from './admin-caller.ts';

/** `POST /admin/api/session`: an admin key for a cookie. */
export const SignInSchema = z.strictObject({ key: z.string().min(1).max(512) });
export type SignIn = z.infer<typeof SignInSchema>;

/** `POST` and `GET /admin/api/session`: who one is. */
export const SessionSchema = AdminCallerSchema.extend({
  /** When the cookie ends, in ISO 8601; null for callers who send their key with each request. */
  expiresAt: z.string().nullable(),
});
export type Session = z.infer<typeof SessionSchema>;
