import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../contract/errors.ts';

/** The whole body as text. @throws GatewayError `body_too_large` as soon as it has more than `maxBytes`, `client_closed_request` when it ends early. */
export const readBody = async (incoming: IncomingMessage, maxBytes: number): Promise<string> => {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw new GatewayError('body_too_large', `The body has more than ${maxBytes} bytes.`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError('client_closed_request', 'The client left before its request was complete.', {
      cause: error,
    });
  }
  return Buffer.concat(chunks).toString('utf8');
};
