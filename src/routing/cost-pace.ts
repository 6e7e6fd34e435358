import type { LedgerEntry } from '../contract/ledger-entry.ts';
import { isFromCache } from '../contract/vocabulary.ts';
import type { Clock } from '../lib/clock.ts';

/** Spend of routes since a moment (Unix milliseconds), in nano-USD, by name. */
export type SpendByRoute = (sinceMs: number) => Promise<ReadonlyMap<string, number>>;

const DAY_MS = 86_400_000;
/** The rate of requests is that of the last hour or so. */
const RATE_MEMORY_MS = 3_600_000;
/** Weight of the latest answer in what an answer costs. */
const LATEST_WEIGHT = 0.05;
/** Fewer seconds than this say nothing about the rate. */
const SHORTEST_MS = 60_000;

type Spent = Pick<LedgerEntry, 'route' | 'tier' | 'costNanoUsd' | 'outcome' | 'cache'>;

type Pace = {
  /** Unix milliseconds at which the day began, UTC. */
  day: number;
  spentNanoUsd: number;
  /** Requests in the last hour or so, fading, and for how long they have been counted. */
  arrivals: number;
  countedMs: number;
  lastAt: number;
  strongNanoUsd: number | null;
  weakNanoUsd: number;
};

/**
 * How many of a route's requests may go to the strongest tier so that a day's money lasts until midnight (UTC): what is
 * left, over the requests still to come at the present rate, against what answers have cost. Counted in this process;
 * a restart takes the day's spend from the ledger. Each of several workers keeps to its part of the money.
 */
export class CostPace {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #spendByRoute: SpendByRoute;
  readonly #workers: number;
  readonly #paces = new Map<string, Pace>();
  #spentBefore: ReadonlyMap<string, number> = new Map();

  /** @param workers how many processes share the money, the requests and that ledger. */
  constructor(clock: Pick<Clock, 'now'>, spendByRoute: SpendByRoute, workers = 1) {
    this.#clock = clock;
    this.#spendByRoute = spendByRoute;
    this.#workers = workers;
  }

  /** Takes over what this day has cost before the process started. */
  async open(): Promise<void> {
    const spent = await this.#spendByRoute(dayOf(this.#clock.now()));
    this.#spentBefore = new Map([...spent].map(([route, nanoUsd]) => [route, nanoUsd / this.#workers]));
    // Requests need not wait for this; those that came first have begun to count by themselves.
    for (const [route, pace] of this.#paces) pace.spentNanoUsd += this.#spentBefore.get(route) ?? 0;
  }

  /** Counts a request that arrives. @returns the share, 0 to 1, of such requests that may go to the strongest tier. */
  affordableShare(route: string, dayNanoUsd: number): number {
    const pace = this.#paceOf(route);
    this.#arrive(pace);
    const left = dayNanoUsd / this.#workers - pace.spentNanoUsd;
    if (left <= 0) return 0;
    // Until one has been paid for, nobody knows what it costs: the first ones tell.
    if (pace.strongNanoUsd === null) return 1;
    const perMs = pace.arrivals / Math.max(SHORTEST_MS, pace.countedMs);
    const toCome = Math.max(1, perMs * (pace.day + DAY_MS - this.#clock.now()));
    const extra = pace.strongNanoUsd - pace.weakNanoUsd;
    if (extra <= 0) return 1;
    return Math.min(1, Math.max(0, (left / toCome - pace.weakNanoUsd) / extra));
  }

  /** Learns from an entry what answers cost. `strongest`: the name of the strongest tier. */
  observe({ route, tier, costNanoUsd, outcome, cache }: Spent, strongest: string): void {
    const pace = route === null ? undefined : this.#paces.get(route);
    if (pace === undefined || costNanoUsd === null) return;
    this.#turn(pace);
    pace.spentNanoUsd += costNanoUsd;
    if (outcome !== 'ok' || isFromCache(cache)) return;
    if (tier === strongest) {
      const before = pace.strongNanoUsd ?? costNanoUsd;
      pace.strongNanoUsd = before + LATEST_WEIGHT * (costNanoUsd - before);
    } else {
      pace.weakNanoUsd += LATEST_WEIGHT * (costNanoUsd - pace.weakNanoUsd);
    }
  }

  #paceOf(route: string): Pace {
    const now = this.#clock.now();
    const known = this.#paces.get(route);
    const pace = known ?? {
      day: dayOf(now),
      spentNanoUsd: this.#spentBefore.get(route) ?? 0,
      arrivals: 0,
      countedMs: 0,
      lastAt: now,
      strongNanoUsd: null,
      weakNanoUsd: 0,
    };
    this.#paces.set(route, pace);
    this.#turn(pace);
    return pace;
  }

  /** A new day begins with nothing spent. */
  #turn(pace: Pace): void {
    const day = dayOf(this.#clock.now());
    if (day === pace.day) return;
    pace.day = day;
    pace.spentNanoUsd = 0;
  }

  #arrive(pace: Pace): void {
    const now = this.#clock.now();
    const passed = Math.max(0, now - pace.lastAt);
    const kept = Math.exp(-passed / RATE_MEMORY_MS);
    pace.arrivals = pace.arrivals * kept + 1;
    pace.countedMs = Math.min(RATE_MEMORY_MS, pace.countedMs * kept + passed);
    pace.lastAt = now;
  }
}

const dayOf = (at: number): number => Math.floor(at / DAY_MS) * DAY_MS;
