import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { toGatewayError } from '../contract/errors.ts';

/** An answer as server-sent events, the way OpenAI's clients read them. What is ready together is written together. */
export class EventStream {
  readonly #response: ServerResponse;
  /** Events that wait for the end of this turn of the event loop. */
  #ready = '';

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Sends one `data:` event of JSON, and the headers before the first; waits while the reader is slow. */
  async send(json: string): Promise<void> {
    const response = this.#response;
    if (response.writableNeedDrain) await this.#drained();
    if (response.destroyed) return;
    if (!response.headersSent) {
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      });
    }
    if (this.#ready === '') process.nextTick(() => this.#flush());
    this.#ready += `data: ${json}\n\n`;
  }

  /**
   * Runs `work`, then ends the stream with `[DONE]`; or with the error as the last event, if one has been sent before.
   * @throws what `work` throws before the first event, so that it can still become a status.
   */
  async relay(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      await this.send('[DONE]');
    } catch (error) {
      if (!this.#response.headersSent) throw error;
      await this.send(JSON.stringify(toGatewayError(error).toEnvelope()));
    }
    this.#flush();
    this.#response.end();
  }

  #flush(): void {
    const events = this.#ready;
    this.#ready = '';
    if (events !== '' && !this.#response.destroyed) this.#response.write(events);
  }

  async #drained(): Promise<void> {
    // A reader that leaves never drains: its `close` ends the wait, and the abort that comes with it the work.
    const settled = new AbortController();
    const { signal } = settled;
    await Promise.race(['drain', 'close'].map((event) => once(this.#response, event, { signal })));
    settled.abort();
  }
}
