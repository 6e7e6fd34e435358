import { createHash } from 'node:crypto';
import { GatewayError } from '../contract/errors.ts';
import type { LedgerEntry } from '../contract/ledger-entry.ts';
import type { Permissions } from '../contract/permissions.ts';
import type { CachePlace } from './cache-key.ts';

/** Of the ledger entry of a request: what its repeats have in common with it. */
export type RepeatedFacts = Pick<
  LedgerEntry,
  | 'requestedModel'
  | 'tags'
  | 'route'
  | 'tier'
  | 'upstream'
  | 'model'
  | 'tokens'
  | 'baselineUpstream'
  | 'baselineModel'
  | 'outcome'
  | 'errorCode'
>;

/** A reply that went out whole, word for word, for a request that comes again under the same idempotency key. */
export type RecordedReply = {
  kind: 'json' | 'stream';
  /** The body, or all events. */
  text: string;
  /** SHA-256 in hex of what was asked: another request under the same key is a mistake of the client. */
  fingerprint: string;
  /** `req_…` of the request that it answered. */
  firstId: string;
  /** Null where it went out before its request was over. */
  facts: RepeatedFacts | null;
  storedAt: number;
};

const LONGEST_KEY = 255;

/**
 * Where the reply to an idempotency key is kept: by team, and apart for keys of the API that may use different models.
 * @throws GatewayError `invalid_value` for one that is empty, longer than 255 characters, or not visible ASCII.
 */
export const replyPlace = (
  key: string | string[],
  { team, permissions }: { team: string; permissions?: Permissions },
): CachePlace => {
  if (typeof key !== 'string' || !/^[\x21-\x7e]+$/.test(key) || key.length > LONGEST_KEY) {
    const message = `Invalid value for 'Idempotency-Key': expected 1 to ${LONGEST_KEY} visible ASCII characters.`;
    throw new GatewayError('invalid_value', message, { param: 'Idempotency-Key' });
  }
  const scope = JSON.stringify(['idempotency', team, permissions ?? null, key]);
  return { key: createHash('sha256').update(scope).digest('hex'), team, route: 'replies' };
};

/** What was asked, in one hash. @param aside what steers the answer beside the body. */
export const fingerprintOf = (bytes: Buffer, aside: unknown[]): string =>
  createHash('sha256').update(JSON.stringify(aside)).update('\0').update(bytes).digest('hex');
