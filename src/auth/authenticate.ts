import { ANONYMOUS, type Caller } from '../contract/caller.ts';
import { GatewayError } from '../contract/errors.ts';
import type { Incoming } from '../contract/incoming.ts';
import { digestOf } from './digest.ts';
import type { KeyStore } from './key-store.ts';

type Headers = Incoming['headers'];

/**
 * Who the request comes from, by `authorization: Bearer …`, `api-key` or `x-api-key`.
 * Without any key configured every caller is anonymous: clients send any key, and it is not looked at.
 * @throws GatewayError `invalid_api_key` when a key is required and none or a wrong one came.
 */
export const authenticate = async (
  { headers, caller: known }: Pick<Incoming, 'headers' | 'caller'>,
  keys: KeyStore,
): Promise<Caller> => {
  if (known !== undefined) return known;
  if (!keys.isKeyRequired()) return ANONYMOUS;
  const secret = presentedKey(headers);
  if (secret === null) {
    throw new GatewayError('invalid_api_key', 'No API key given: send it as "Authorization: Bearer <key>".');
  }
  const caller = await keys.findByDigest(digestOf(secret));
  if (caller === null) throw new GatewayError('invalid_api_key', 'Incorrect API key.');
  return caller;
};

/** The key that a request carries, in whichever of the three headers; null without one. */
export const presentedKey = (headers: Headers): string | null => {
  const bearer = /^Bearer\s+(\S+)\s*$/i.exec(String(headers['authorization'] ?? ''))?.[1];
  const key = bearer ?? headers['x-api-key'] ?? headers['api-key'];
  return typeof key === 'string' && key !== '' ? key : null;
};
