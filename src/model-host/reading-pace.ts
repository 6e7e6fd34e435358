/** Prompt tokens in one step, of all prompts together, while nobody would be kept waiting by more. */
const ALONE_TOKENS = 512;
/** Prompt tokens of one prompt in one step while answers are being written: few enough that these do not stall. */
const BESIDE_ANSWERS_TOKENS = 64;

/**
 * How much of a prompt is read in one step. Long steps are faster, but everybody waits for a step to end: answers for
 * their next token, and a short prompt for long ones.
 */
export class ReadingPace {
  #readers = 0;
  #writers = 0;

  /** How many tokens of one prompt the next step should read. */
  get stepTokens(): number {
    if (this.#writers > 0) return BESIDE_ANSWERS_TOKENS;
    return Math.max(BESIDE_ANSWERS_TOKENS, Math.floor(ALONE_TOKENS / Math.max(1, this.#readers)));
  }

  /** One more prompt is read. @returns to be called when it has its first token, and with `end` when all is over. */
  begin(): { write(): void; end(): void } {
    let state: 'reading' | 'writing' | 'ended' = 'reading';
    this.#readers++;
    return {
      write: () => {
        if (state !== 'reading') return;
        state = 'writing';
        this.#readers--;
        this.#writers++;
      },
      end: () => {
        if (state === 'reading') this.#readers--;
        if (state === 'writing') this.#writers--;
        state = 'ended';
      },
    };
  }
}
