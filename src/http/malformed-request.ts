import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { GatewayError } from '../contract/errors.ts';
import { newId } from '../lib/id.ts';

const STATUSES: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** Answers bytes that Node could not read as a request, in the envelope, and closes the connection. For `clientError`. */
export const answerMalformed = (error: NodeJS.ErrnoException, socket: Duplex, now: number): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUSES[error.code ?? ''] ?? 400;
  const why =
    status === 431 ? 'Its headers are too large' : status === 408 ? 'It did not come in time' : 'It is not HTTP';
  const failure = new GatewayError('malformed_http', `The request could not be read. ${why}.`);
  const body = JSON.stringify(failure.toEnvelope());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nx-request-id: ${newId('req', now)}\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
};
