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

  push(text: string): { text: string; isStopped: boolean } {
    this.#held += text;
    const found = this.#stops.map((stop) => this.#held.indexOf(stop)).filter((index) => index >= 0);
    if (found.length > 0) return { text: this.#held.slice(0, Math.min(...found)), isStopped: true };
    return { text: this.#release(this.#held.length - this.#heldBack()), isStopped: false };
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
