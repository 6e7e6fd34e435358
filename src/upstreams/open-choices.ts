/** Which choices of an answer have begun and not ended. */
export class OpenChoices {
  readonly #open = new Set<number>();
  readonly #finished = new Set<number>();

  note(choices: readonly { index?: number | undefined; finish_reason?: string | null | undefined }[]): void {
    for (const { index = 0, finish_reason } of choices) {
      if (finish_reason) {
        this.#open.delete(index);
        this.#finished.add(index);
      } else if (!this.#finished.has(index)) this.#open.add(index);
    }
  }

  get indexes(): number[] {
    return [...this.#open];
  }
}
