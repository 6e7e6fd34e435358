import type { TokenScore } from './token-score.ts';

/** Keeps the scores of tokens whose text is still held back; those of a stop string are never shown. */
export class ScoreQueue {
  #queue: { score: TokenScore; end: number }[] = [];
  #received = 0;
  #shown = 0;

  push(score: TokenScore, piece: string): void {
    this.#received += piece.length;
    // A token that completes no character goes with the one that does.
    this.#queue.push({ score, end: piece === '' ? this.#received + 1 : this.#received });
  }

  /** The scores whose text is shown with `text`, or all that are left. */
  take(text: string, isAll: boolean): TokenScore[] {
    this.#shown += text.length;
    const ready = this.#queue.filter(({ end }) => isAll || end <= this.#shown);
    this.#queue = this.#queue.slice(ready.length);
    return ready.map(({ score }) => score);
  }

  /** So many characters came in and will never be shown. */
  skip(characters: number): void {
    this.#shown += characters;
  }

  /** Everything that came in was no content. */
  clear(): void {
    this.#queue = [];
    this.#shown = this.#received;
  }
}
