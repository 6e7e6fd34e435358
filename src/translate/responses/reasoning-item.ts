import type { OutputItem, ResponseEvents } from './response-events.ts';

type Part = { type: 'summary_text' | 'reasoning_text'; text: string };

/** What the model thinks first: as its summary where the client asked for one, else as the reasoning itself. */
export class ReasoningItem implements OutputItem {
  readonly item: { id: string; type: 'reasoning'; status: string; summary: Part[]; content?: Part[] };
  readonly #events: ResponseEvents;
  readonly #index: number;
  readonly #part: Part;

  constructor(events: ResponseEvents, id: string, index: number, isSummary: boolean) {
    this.#events = events;
    this.#index = index;
    this.item = { id, type: 'reasoning', status: 'in_progress', summary: [] };
    events.emit('response.output_item.added', { output_index: index, item: this.item });
    this.#part = { type: isSummary ? 'summary_text' : 'reasoning_text', text: '' };
    if (isSummary) this.item.summary.push(this.#part);
    else this.item.content = [this.#part];
    this.#emit(isSummary ? 'reasoning_summary_part.added' : 'content_part.added', { part: this.#part });
  }

  addText(text: string): void {
    this.#part.text += text;
    this.#emit(`${this.#name}.delta`, { delta: text });
  }

  close(status: 'completed' | 'incomplete'): void {
    this.#emit(`${this.#name}.done`, { text: this.#part.text });
    this.#emit(this.#isSummary ? 'reasoning_summary_part.done' : 'content_part.done', { part: this.#part });
    this.item.status = status;
    this.#events.emit('response.output_item.done', { output_index: this.#index, item: this.item });
  }

  get #isSummary(): boolean {
    return this.#part.type === 'summary_text';
  }

  get #name(): string {
    return this.#isSummary ? 'reasoning_summary_text' : 'reasoning_text';
  }

  #emit(name: string, fields: Record<string, unknown>): void {
    const place = { item_id: this.item.id, output_index: this.#index };
    this.#events.emit(`response.${name}`, {
      ...place,
      [this.#isSummary ? 'summary_index' : 'content_index']: 0,
      ...fields,
    });
  }
}
