import type { Readable } from 'node:stream';
import type { Incoming } from './incoming.ts';

/** A request that is sent on as it is. */
export type PassThroughRequest = Incoming & {
  method: string;
  /** Below `/v1`, as the client wrote it, with its query: `/files/file-1?x=1`. */
  path: string;
  body: Readable;
};

/**
 * Segments of a path that is fit to be sent on. An upstream may read `..` in any spelling, and would leave its base URL.
 * @returns null for one that is not.
 */
export const segmentsOf = (path: string): string[] | null => {
  const segments = (path.split('?')[0] as string).split('/').slice(1);
  const isOdd = (segment: string) => /^(\.|%2e){1,2}$/i.test(segment) || /[\\\s]|%(00|2f|5c)/i.test(segment);
  return segments.length === 0 || segments.some(isOdd) ? null : segments;
};

/** Groups of paths whose answers depend on the request alone. Everything else is kept in the account of the upstream's key. */
const STATELESS = new Set(['images', 'audio', 'moderations', 'fim', 'classifications', 'ocr', 'realtime', 'videos']);
/** Paths that administer the account: an upstream's key may be allowed to, and callers are not. */
const REFUSED = new Set(['organization', 'organizations', 'projects', 'dashboard', 'admin']);

export type PathKind = 'stateless' | 'stateful' | 'refused';

export const kindOfPath = ([group = '', id]: string[]): PathKind => {
  if (REFUSED.has(group) || !/^[a-z][a-z0-9_-]*$/.test(group)) return 'refused';
  // A video is made by one request and fetched by others.
  return STATELESS.has(group) && !(group === 'videos' || (group === 'realtime' && id !== undefined))
    ? 'stateless'
    : 'stateful';
};

/** Second segments that are names and no ids, so that the ledger may have them. */
const NAMES = new Set([
  'generations',
  'edits',
  'variations',
  'speech',
  'transcriptions',
  'translations',
  'completions',
  'jobs',
]);

/** The path without its ids, for the ledger: `/v1/files`, `/v1/audio/speech`. */
export const endpointOf = ([group, second]: string[]): string =>
  `/v1/${group}${second !== undefined && NAMES.has(second) ? `/${second}` : ''}`;
