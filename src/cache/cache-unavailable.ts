import { GatewayError } from '../contract/errors.ts';

/** For whoever asks about the cache; requests go on without it. */
export const cacheUnavailable = (cause: unknown): GatewayError =>
  new GatewayError('cache_unavailable', 'The cache cannot be read: Redis does not answer.', { cause });
