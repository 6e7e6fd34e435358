import type { Item } from './request-body.ts';

/** The events of one response: each has the next sequence number, and its name twice, as clients differ in which they read. */
export class ResponseEvents {
  #sequence = 0;
  #text = '';

  /** @param from the first sequence number. */
  constructor(from = 0) {
    this.#sequence = from;
  }

  emit(type: string, fields: Record<string, unknown>): void {
    const data = JSON.stringify({ type, sequence_number: this.#sequence++, ...fields });
    this.#text += `event: ${type}\ndata: ${data}\n\n`;
  }

  /** What was emitted since the last time. */
  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}

/** One item of an output while it is written: it tells of every change by events, and stands in the output from its first. */
export interface OutputItem {
  readonly item: Item;
  /** Nothing more is added; `status` as the API has it. */
  close(status: 'completed' | 'incomplete'): void;
}
