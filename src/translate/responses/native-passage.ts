import type { GatewayError } from '../../contract/errors.ts';
import { ResponseEvents } from './response-events.ts';
import { toResponseError } from './response-object.ts';

type Wire = Record<string, unknown>;

/**
 * The events of an upstream that speaks responses, on their way to the client word for word. The one that says that the
 * response is complete waits for `end`.
 */
export class NativePassage {
  #last = '';
  #lastSequence = -1;
  /** As the first event told it: what a failure is said about. */
  #response: Wire = {};

  /** @param event one whole event, with its blank line. */
  pass(event: string): string {
    const { type, sequence_number: sequence, response } = dataOf(event);
    if (typeof sequence === 'number') this.#lastSequence = sequence;
    if (type === 'response.created') this.#response = (response ?? {}) as Wire;
    if (type !== 'response.completed' && type !== 'response.incomplete') return event;
    this.#last = event;
    return '';
  }

  /** What was held back, and the response object in it, JSON. */
  end(): { last: string; id: string; response: string } {
    const response = (dataOf(this.#last)['response'] ?? {}) as Wire;
    return { last: this.#last, id: String(response['id'] ?? ''), response: JSON.stringify(response) };
  }

  /** The upstream broke off: its response ends as failed, under its own id. */
  fail(error: GatewayError): string {
    const events = new ResponseEvents(this.#lastSequence + 1);
    const { code, message } = toResponseError(error);
    events.emit('error', { code, message, param: error.param });
    events.emit('response.failed', { response: { ...this.#response, status: 'failed', error: { code, message } } });
    return events.take();
  }
}

const dataOf = (event: string): Wire =>
  JSON.parse(
    event
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map((line) => line.slice('data: '.length))
      .join('\n'),
  );
