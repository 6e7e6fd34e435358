import type { OutputItem, ResponseEvents } from './response-events.ts';

export type Logprob = { token: string; logprob: number; bytes?: number[] | null; top_logprobs: unknown[] };

type TextPart = { type: 'output_text'; text: string; annotations: unknown[]; logprobs: Logprob[] };
type RefusalPart = { type: 'refusal'; refusal: string };

/** What the model says, or why it does not. */
export class MessageItem implements OutputItem {
  readonly item;
  readonly #events: ResponseEvents;
  readonly #place: { output_index: number; item_id: string };

  constructor(events: ResponseEvents, id: string, index: number) {
    this.#events = events;
    this.#place = { output_index: index, item_id: id };
    this.item = {
      id,
      type: 'message',
      status: 'in_progress',
      role: 'assistant',
      content: [] as (TextPart | RefusalPart)[],
    };
    events.emit('response.output_item.added', { output_index: index, item: this.item });
  }

  addText(text: string, logprobs: Logprob[]): void {
    let at = this.item.content.findIndex(({ type }) => type === 'output_text');
    if (at < 0) at = this.#begin({ type: 'output_text', text: '', annotations: [], logprobs: [] });
    const part = this.item.content[at] as TextPart;
    part.text += text;
    part.logprobs.push(...logprobs);
    const place = { ...this.#place, content_index: at };
    this.#events.emit('response.output_text.delta', { ...place, delta: text, logprobs });
  }

  addRefusal(refusal: string): void {
    let at = this.item.content.findIndex(({ type }) => type === 'refusal');
    if (at < 0) at = this.#begin({ type: 'refusal', refusal: '' });
    (this.item.content[at] as RefusalPart).refusal += refusal;
    this.#events.emit('response.refusal.delta', { ...this.#place, content_index: at, delta: refusal });
  }

  close(status: 'completed' | 'incomplete'): void {
    for (const [at, part] of this.item.content.entries()) {
      const place = { ...this.#place, content_index: at };
      if (part.type === 'refusal') this.#events.emit('response.refusal.done', { ...place, refusal: part.refusal });
      else {
        const { text, logprobs } = part;
        this.#events.emit('response.output_text.done', { ...place, text, logprobs });
      }
      this.#events.emit('response.content_part.done', { ...place, part });
    }
    this.item.status = status;
    this.#events.emit('response.output_item.done', { output_index: this.#place.output_index, item: this.item });
  }

  #begin(part: TextPart | RefusalPart): number {
    const at = this.item.content.push(part) - 1;
    this.#events.emit('response.content_part.added', { ...this.#place, content_index: at, part });
    return at;
  }
}
