import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { toGatewayError } from '../contract/errors.ts';

/** An answer as server-sent events, the way OpenAI's clients read them. */
export class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Sends one `data:` event, and the headers before the first; waits while the reader is slow. */
  async send(data: unknown): Promise<void> {
    await this.#write(JSON.stringify(data));
  }

  /**
   * Runs `work`, then ends the stream with `[DONE]`; or with the error as the last event, if one has been sent before.
   * @throws what `work` throws before the first event, so that it can still become a status.
   */
  async relay(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      await this.#write('[DONE]');
    } catch (error) {
      if (!this.#response.headersSent) throw error;
      if (!this.#response.destroyed) await this.send(toGatewayError(error).toEnvelope());
    }
    this.#response.end();
  }

  async #write(data: string): Promise<void> {
    const response = this.#response;
    if (response.destroyed) return;
    if (!response.headersSent) {
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      });
    }
    if (response.write(`data: ${data}\n\n`) || response.destroyed) return;
    // A reader that leaves never drains: its `close` ends the wait, and the abort that comes with it the work.
    const settled = new AbortController();
    await Promise.race(['drain', 'close'].map((event) => once(response, event, { signal: settled.signal })));
    settled.abort();
  }
}
