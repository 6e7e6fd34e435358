import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';

export type BodyLimits = { maxBytes: number; timeoutMs: number };

/**
 * The whole request body.
 * @throws GatewayError `body_too_large` beyond the limit, by its announced or its real length; `body_timeout` when it
 * does not come in time; `client_closed_request` when the client leaves first.
 */
export const readBody = (request: IncomingMessage, limits: BodyLimits, clock: Clock): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const settle = (finish: () => void) => {
      cancel();
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      finish();
    };
    const tooLarge = () =>
      new GatewayError('body_too_large', `The request body is larger than the limit of ${limits.maxBytes} bytes.`);
    const onData = (piece: Buffer) => {
      size += piece.length;
      pieces.push(piece);
      if (size > limits.maxBytes) settle(() => reject(tooLarge()));
    };
    const onEnd = () => settle(() => resolve(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)));
    const onClose = () =>
      settle(() =>
        reject(new GatewayError('client_closed_request', 'The client left before its request was complete.')),
      );
    const cancel = clock.after(limits.timeoutMs, () =>
      settle(() =>
        reject(new GatewayError('body_timeout', `The request body did not come within ${limits.timeoutMs / 1000} s.`)),
      ),
    );
    if (Number(request.headers['content-length'] ?? 0) > limits.maxBytes) {
      settle(() => reject(tooLarge()));
      return;
    }
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
