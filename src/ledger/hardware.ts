import type { NanoUsd } from '../lib/money.ts';

/** What one's own hardware costs while it works, as routes.yaml tells it. */
export type HardwareCost = {
  usdPerHour?: number | undefined;
  watts?: number | undefined;
  usdPerKwh?: number | undefined;
};

/**
 * Shares a machine's busy time among those who use it at the same time: with n at work each is charged 1/n of the time,
 * so the shares add up to the time during which anyone was. A virtual clock that runs at 1/n makes that one subtraction.
 */
export class BusyTime {
  #active = 0;
  #virtualMs = 0;
  #movedAt = 0;

  /** Begins a use at `nowMs`, monotonic. The returned function ends it and gives its share in milliseconds. */
  begin(nowMs: number): (nowMs: number) => number {
    this.#moveTo(nowMs);
    this.#active++;
    const from = this.#virtualMs;
    return (endMs) => {
      this.#moveTo(endMs);
      this.#active--;
      return this.#virtualMs - from;
    };
  }

  #moveTo(nowMs: number): void {
    if (this.#active > 0) this.#virtualMs += Math.max(0, nowMs - this.#movedAt) / this.#active;
    this.#movedAt = nowMs;
  }
}

/** One's own hardware behind an upstream: its busy time, and what it costs; null where that was not told. */
export type Hardware = { busy: BusyTime; cost: HardwareCost | null };

const MS_PER_HOUR = 3_600_000;

/** Energy of a share of busy time; null where the power is not known. */
export const energyOf = (shareMs: number, { watts }: HardwareCost): number | null =>
  watts === undefined ? null : (watts * shareMs) / MS_PER_HOUR;

/**
 * Nano-USD of a share of busy time, rounded: its part of the hourly cost, and its energy. Null where neither is priced.
 * Times are measured, so this is the one amount that is no exact product of counts.
 */
export const hardwareCostOf = (shareMs: number, cost: HardwareCost): NanoUsd | null => {
  const energyUsd = ((energyOf(shareMs, cost) ?? 0) / 1_000) * (cost.usdPerKwh ?? 0);
  if (cost.usdPerHour === undefined && (cost.watts === undefined || cost.usdPerKwh === undefined)) return null;
  return Math.round((((cost.usdPerHour ?? 0) * shareMs) / MS_PER_HOUR + energyUsd) * 1e9);
};
