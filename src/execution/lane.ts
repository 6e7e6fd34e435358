import { GatewayError } from '../contract/errors.ts';

/** Why a call was given up although its client is still there. */
export const CANCELLED = new GatewayError('client_closed_request', 'Another model answers in its place.');

/** A signal that follows the client's and can be ended on its own. */
export const openLane = (client: AbortSignal) => {
  const controller = new AbortController();
  return {
    signal: AbortSignal.any([client, controller.signal]),
    cancel: () => controller.abort(CANCELLED),
  };
};
