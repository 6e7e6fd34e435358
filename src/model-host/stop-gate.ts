/**
 * Lets text through until a stop string comes up in it. Text that may be the beginning of one is held back until the
 * next piece decides, so that no part of a stop string is ever seen, wherever the pieces' borders fall.
 */
export class StopGate {
  readonly #stops: string[];
  #held = '';

  constructor(stops: string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  /** `stop` is the string that came up, the longest of those at the first place; `rest` what came after it. */
  push(text: string): { text: string; stop: string | null; rest: string } {
    this.#held += text;
    let at = Number.POSITIVE_INFINITY;
    let found: string | null = null;
    for (const stop of this.#stops) {
      const index = this.#held.indexOf(stop);
      if (index < 0 || index > at || (index === at && stop.length < found!.length)) continue;
      at = index;
      found = stop;
    }
    if (found === null) return { text: this.#release(this.#held.length - this.#heldBack()), stop: null, rest: '' };
    const before = this.#release(at);
    const rest = this.#held.slice(found.length);
    this.#held = '';
    return { text: before, stop: found, rest };
  }

  /** What was held back, when nothing follows any more. */
  flush(): string {
    return this.#release(this.#held.length);
  }

  #release(length: number): string {
    const text = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return text;
  }

  /** Length of the longest end of the held text that begins a stop string. */
  #heldBack(): number {
    const candidates = this.#stops.map((stop) => {
      let length = Math.min(stop.length - 1, this.#held.length);
      while (length > 0 && !this.#held.endsWith(stop.slice(0, length))) length--;
      return length;
    });
    return Math.max(0, ...candidates);
  }
}
