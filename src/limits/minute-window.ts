import { STEP_MS, STEPS } from './counter-store.ts';

/** What was counted in the last minute, by tenths of a second: at most 601 sums, however much is counted. */
export class MinuteWindow {
  /** Oldest first. */
  readonly #steps = new Map<number, number>();
  /** What may still be settled, oldest first. */
  readonly #open = new Map<string, { step: number; amount: number }>();
  #sum = 0;
  #last = 0;

  /** @param nowMs monotonic. */
  used(nowMs: number): number {
    const horizon = Math.floor(nowMs / STEP_MS) - STEPS;
    for (const [step, amount] of this.#steps) {
      if (step >= horizon) break;
      this.#steps.delete(step);
      this.#sum -= amount;
    }
    for (const [id, { step }] of this.#open) {
      if (step >= horizon) break;
      this.#open.delete(id);
    }
    return this.#sum;
  }

  /** @param id what `settle` will ask for; null where the amount is final. */
  add(id: string | null, amount: number, nowMs: number): void {
    const step = Math.floor(nowMs / STEP_MS);
    this.#steps.set(step, (this.#steps.get(step) ?? 0) + amount);
    this.#sum += amount;
    this.#last = step;
    if (id !== null) this.#open.set(id, { step, amount });
  }

  settle(id: string, amount: number): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    const sum = this.#steps.get(open.step);
    if (sum === undefined) return;
    this.#steps.set(open.step, sum + amount - open.amount);
    this.#sum += amount - open.amount;
  }

  /** Milliseconds until `amount` fits under `limit`; the whole minute when even an empty window does not suffice. */
  untilFits(amount: number, limit: number, nowMs: number): number {
    let left = this.#sum;
    for (const [step, counted] of this.#steps) {
      left -= counted;
      if (left + amount <= limit) return untilGone(step, nowMs);
    }
    return STEPS * STEP_MS;
  }

  resetMs(nowMs: number): number {
    return this.#steps.size === 0 ? 0 : untilGone(this.#last, nowMs);
  }
}

const untilGone = (step: number, nowMs: number): number => (step + STEPS + 1) * STEP_MS - nowMs;
