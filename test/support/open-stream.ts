import { type IncomingMessage, request } from 'node:http';
import { readAnswer } from './chat-client.ts';
import { until } from './until.ts';

/** A streamed request that a test reads as it comes, slowly or not at all, and breaks off when it likes. */
export class OpenStream {
  #text = '';
  #response: IncomingMessage | null = null;
  #isOver = false;
  readonly #request;

  constructor(url: string, body: Record<string, unknown>, headers: Record<string, string> = {}) {
    this.#request = request(`${url}/v1/chat/completions`, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', ...headers },
    });
    this.#request.on('error', () => {});
    this.#request.on('close', () => {
      this.#isOver = true;
    });
    this.#request.on('response', (response) => {
      this.#response = response;
      response.on('error', () => {});
      response.setEncoding('utf8').on('data', (text: string) => {
        this.#text += text;
      });
    });
    this.#request.end(JSON.stringify({ model: 'auto', stream: true, ...body }));
  }

  get headers(): Record<string, unknown> {
    return this.#response?.headers ?? {};
  }

  get answer() {
    const events = this.#text
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map((line) => line.slice('data: '.length));
    return readAnswer({ events });
  }

  async untilText(text: string): Promise<void> {
    await until(() => this.#text.includes(text) && this.answer.text.includes(text), 5_000, `"${text}"`);
  }

  async untilOver(): Promise<void> {
    await until(() => this.#isOver, 10_000, 'the end of the answer');
  }

  /** Reads no more, as a client does that is busy with something else. */
  async pause(): Promise<void> {
    await until(() => this.#response !== null);
    this.#response?.pause();
  }

  resume(): void {
    this.#response?.resume();
  }

  leave(): void {
    this.#request.destroy();
  }
}
