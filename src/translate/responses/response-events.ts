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
    const json = JSON.stringify({ type, sequence_number: this.#sequence++, ...fields });
    const data = json.replace(LINE_BREAKS, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`);
    this.#text += `event: ${type}\ndata: ${data}\n\n`;
  }

  /** What was emitted since the last time. */
  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}

/** What some clients cut lines at, and JSON leaves as it is. In an event stream only CR and LF end a line. */
const LINE_BREAKS = /[\u0085\u2028\u2029]/g;

/** One item of an output while it is written: it tells of every change by events, and stands in the output from its first. */
export interface OutputItem {
  readonly item: Item;
  /** Nothing more is added; `status` as the API has it. */
  close(status: 'completed' | 'incomplete'): void;
}
