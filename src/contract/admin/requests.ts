import { z } from 'zod';
import type { LedgerEntry } from '../ledger-entry.ts';

/** `GET /admin/api/requests`, newest first. Times are ISO 8601; without a value a filter lets everything through. */
export const RequestsQuerySchema = z.strictObject({
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
  team: z.string().max(63).optional(),
  keyId: z.string().max(64).optional(),
  route: z.string().max(63).optional(),
  tier: z.string().max(63).optional(),
  /** The model that answered. */
  model: z.string().max(256).optional(),
  outcome: z.enum(['ok', 'error', 'aborted', 'refused']).optional(),
  cache: z.enum(['hit', 'semantic', 'shared', 'miss', 'bypass']).optional(),
  /** The client's own id, as `x-client-request-id` gave it back. */
  clientRequestId: z.string().max(128).optional(),
  /** Of the page before, as `next` gave it. */
  cursor: z.string().max(128).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
export type RequestsQuery = z.output<typeof RequestsQuerySchema>;

/** One line of the log. */
export type RequestRow = Pick<
  LedgerEntry,
  | 'id'
  | 'at'
  | 'endpoint'
  | 'team'
  | 'keyId'
  | 'requestedModel'
  | 'route'
  | 'tier'
  | 'upstream'
  | 'model'
  | 'difficulty'
  | 'reason'
  | 'isStream'
  | 'cache'
  | 'outcome'
  | 'status'
  | 'errorCode'
  | 'costNanoUsd'
  | 'savedNanoUsd'
  | 'firstTokenMs'
  | 'totalMs'
> & { promptTokens: number; completionTokens: number /** Upstream calls made. */; attempts: number };

/** `next` is the cursor of the page after this one; null on the last. */
export type RequestPage = { rows: RequestRow[]; next: string | null };

/** `GET /admin/api/requests/{id}`: the entry with its reasons worked out. */
export type RequestDetail = LedgerEntry & {
  /** What moved the difficulty most, strongest first, in log-odds against an average prompt; empty where unknown. */
  because: { text: string; contribution: number }[];
  /** What would have had to be different for another tier; null where difficulty did not decide. */
  alternative: string | null;
};
