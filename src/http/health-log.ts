import type { HealthEvent } from '../contract/admin/health.ts';
import type { Clock } from '../lib/clock.ts';
import type { Readiness } from './readiness.ts';

/** While somebody looks at the page, its questions look more often. */
const LOOK_EVERY_MS = 5_000;
/** The oldest go first. */
const MAX_EVENTS = 500;

type State = { state: string; text: string };

/** What changed state since the start: circuits that tripped, upstreams and stores that went and came, reloads. */
export class HealthLog {
  readonly #clock: Clock;
  readonly #read: () => Readiness;
  readonly #events: HealthEvent[] = [];
  #known: Map<string, State>;
  #cancel = () => {};

  /** Looks every five seconds until `close`, which costs a few microseconds. */
  constructor(clock: Clock, read: () => Readiness) {
    this.#clock = clock;
    this.#read = read;
    this.#known = statesOf(read());
    this.#arm();
  }

  /** The latest first. */
  events(): HealthEvent[] {
    this.#look();
    return this.#events.toReversed();
  }

  close(): void {
    this.#cancel();
  }

  #arm(): void {
    this.#cancel = this.#clock.after(LOOK_EVERY_MS, () => {
      this.#look();
      this.#arm();
    });
  }

  #look(): void {
    const states = statesOf(this.#read());
    for (const [subject, { state, text }] of states) {
      if (this.#known.get(subject)?.state === state) continue;
      this.#events.push({ at: this.#clock.now(), subject, state, text });
    }
    this.#known = states;
    this.#events.splice(0, this.#events.length - MAX_EVENTS);
  }
}

const statesOf = ({ config, upstreams, services, models }: Readiness): Map<string, State> =>
  new Map([
    [
      'routes.yaml',
      config.problems.length === 0
        ? { state: config.version, text: `version ${config.version} is in force` }
        : { state: 'degraded', text: `the file has mistakes; version ${config.version} stays in force` },
    ],
    ...Object.entries({ ...upstreams, ...services }).map(([name, { state, detail }]): [string, State] => [
      name,
      { state, text: detail },
    ]),
    ...Object.entries(models).map(([name, { circuit }]): [string, State] => [
      name,
      { state: circuit, text: CIRCUITS[circuit] },
    ]),
  ]);

const CIRCUITS = {
  closed: 'is asked again',
  'half-open': 'is tried with one request',
  open: 'keeps failing and is left alone for a while',
};
