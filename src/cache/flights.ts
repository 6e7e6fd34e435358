import { GatewayError } from '../contract/errors.ts';
import { Flight } from './flight.ts';

/** Refreshes of stale answers at the same time; beyond it stale answers are served without one. */
const MAX_REFRESHES = 32;

/**
 * The flights of this process, by key of the answer. There are never more than requests under way, and each holds at most
 * what `MAX_FLIGHT_BYTES` says.
 */
export class Flights {
  readonly #flights = new Map<string, Flight>();
  readonly #refreshes = new Set<Promise<void>>();
  readonly #controller = new AbortController();

  /** The flight to follow; null when there is none. */
  find(key: string): Flight | null {
    return this.#flights.get(key) ?? null;
  }

  /** Begins the one flight of a key, led by whoever asks; counted in until `signal` aborts. */
  begin(key: string, signal: AbortSignal): Flight {
    const flight = new Flight(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    this.#flights.set(key, flight);
    flight.board(signal);
    return flight;
  }

  /** Runs work in the background, if there is room. Its signal aborts when the gateway closes. */
  refresh(work: (signal: AbortSignal) => Promise<void>): void {
    if (this.#refreshes.size >= MAX_REFRESHES || this.#controller.signal.aborted) return;
    const running = work(this.#controller.signal).finally(() => this.#refreshes.delete(running));
    this.#refreshes.add(running);
  }

  /** Ends what runs in the background. */
  async close(): Promise<void> {
    this.#controller.abort(new GatewayError('client_closed_request', 'The gateway closes.'));
    await Promise.allSettled(this.#refreshes);
  }
}
