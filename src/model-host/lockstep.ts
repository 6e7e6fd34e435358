/**
 * Lets the sequences of one context take their steps together. The engine computes whatever is asked of it by the time
 * it begins, and the sequence that got its token last would always ask too late: without this, no batch is ever full.
 *
 * Whoever asks while steps run waits for all of them to end; then all who wait begin at once. Nobody can be overtaken,
 * since all who wait begin together, and nobody waits for one that does not ask, such as an answer whose client is slow.
 */
export class Lockstep {
  #members = 0;
  #running = 0;
  #waiting: (() => void)[] = [];
  #isAboutToBegin = false;

  /** One more takes steps from here on. @returns to be called when it has taken its last. */
  join(): () => void {
    let isMember = true;
    this.#members++;
    return () => {
      if (isMember) this.#members--;
      isMember = false;
    };
  }

  /** Runs `work` together with the others' next steps. @throws what `work` throws; the others go on. */
  async step<Result>(work: () => Promise<Result>): Promise<Result> {
    await new Promise<void>((begin) => {
      this.#waiting.push(begin);
      this.#beginSoon();
    });
    try {
      return await work();
    } finally {
      this.#running--;
      this.#beginSoon();
    }
  }

  /** At once when all are there; else in the next turn of the event loop, by which others may have asked as well. */
  #beginSoon(): void {
    if (this.#running > 0 || this.#waiting.length === 0) return;
    if (this.#waiting.length >= this.#members) this.#begin();
    else if (!this.#isAboutToBegin) {
      this.#isAboutToBegin = true;
      setImmediate(() => {
        this.#isAboutToBegin = false;
        if (this.#running === 0) this.#begin();
      });
    }
  }

  #begin(): void {
    const beginners = this.#waiting;
    this.#waiting = [];
    this.#running = beginners.length;
    for (const begin of beginners) begin();
  }
}
