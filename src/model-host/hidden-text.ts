import { randomBytes } from 'node:crypto';

/** A piece of a rendered conversation: the template's own text, or what somebody wrote. */
export type RenderedPart = { text: string; isMarkup: boolean };

/** Text in which a special token could hide. */
const SUSPICIOUS = /[<[|｜]/;

/**
 * Keeps what people, tools and models wrote out of the template's sight: the template sees a name in place of each
 * text, and the text comes back after rendering as plain text, so that no markup in it is taken for the format's own.
 */
export class HiddenText {
  readonly #prefix = `T${randomBytes(9).toString('hex')}N`;
  readonly #texts: { text: string; mustShow: boolean }[] = [];

  /** @param mustShow the rendering is no good without it. */
  hide(text: string, mustShow: boolean): string {
    if (text === '') return '';
    this.#texts.push({ text, mustShow });
    return `${this.#prefix}${this.#texts.length - 1}E`;
  }

  /** The same value with those strings hidden that a template writes as JSON and that look like markup. */
  hideInJson(value: unknown): unknown {
    if (typeof value === 'string') {
      return SUSPICIOUS.test(value) ? this.hide(JSON.stringify(value).slice(1, -1), false) : value;
    }
    if (Array.isArray(value)) return value.map((item) => this.hideInJson(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.hideInJson(item)]));
  }

  /** The rendering in parts, the hidden texts shown again. @returns null when one is missing that must show. */
  show(rendered: string): RenderedPart[] | null {
    const seen = new Set<number>();
    const parts = rendered.split(new RegExp(`${this.#prefix}(\\d+)E`)).map((piece, position) => {
      if (position % 2 === 0) return { text: piece, isMarkup: true };
      seen.add(Number(piece));
      return { text: this.#texts[Number(piece)]!.text, isMarkup: false };
    });
    if (this.#texts.some(({ mustShow }, index) => mustShow && !seen.has(index))) return null;
    return parts.filter(({ text }) => text !== '');
  }
}
