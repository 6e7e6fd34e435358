import type { Clock } from '../lib/clock.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { SharedFigures } from './shared-figures.ts';
import type { WorkerName } from './worker-link.ts';

/** One worker's process. */
export type ForkedWorker = {
  /** Never throws: what is said to a process that has ended is lost. */
  send(message: ToWorker): void;
  /** Told once each, in this order: messages, and then one end (`code`, or the signal that ended it). */
  follow(events: {
    onMessage(message: FromWorker): void;
    onExit(code: number | null, signal: string | null): void;
  }): void;
  /** kill -9. */
  kill(): void;
};

export type PrimaryOptions = {
  /** How many: 2 to 64. */
  workers: number;
  fork(name: WorkerName): ForkedWorker;
  clock: Pick<Clock, 'after' | 'elapsed'>;
  /** Takes one line for people. */
  say(line: string): void;
  /** How long after the first `stop` a worker may take to end; then it is killed. */
  stopLimitMs: number;
};

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 30_000;
/** A worker that lived so long begins anew with the delays. */
const HEALTHY_MS = 60_000;
/** So many ends in a row, and none that answers: then all is ended. */
const MAX_FAILURES = 6;
/** After `stop-now`. */
const CUT_LIMIT_MS = 5_000;

type Slot = {
  worker: number;
  process: ForkedWorker | null;
  isReady: boolean;
  starts: number;
  startedAt: number;
  failures: number;
};

/**
 * Runs the workers of one gateway, and answers nothing itself. Worker 1 comes first: what it cannot do (a routes.yaml with
 * mistakes, a port that is taken) none can, and so it is told once. A worker that ends is started again, ever later; while
 * none answers and one keeps ending, all is given up.
 */
export class Primary {
  readonly #options: PrimaryOptions;
  readonly #slots: Slot[];
  readonly #figures: SharedFigures;
  readonly #over = Promise.withResolvers<number>();
  #cancels = new Set<() => void>();
  #hasStarted = false;
  #isComplete = false;
  #isStopping = false;
  #code = 0;

  constructor(options: PrimaryOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.workers }, (_, index) => ({
      ...{ worker: index + 1, process: null, isReady: false, starts: 0, startedAt: 0, failures: 0 },
    }));
    this.#figures = new SharedFigures(options.clock, (worker, id) => this.#tell(worker, { type: 'give-figures', id }));
  }

  /** Resolves with the exit code when the last worker has ended for good. */
  run(): Promise<number> {
    this.#start(this.#slots[0] as Slot);
    return this.#over.promise;
  }

  /** Has all workers let their requests end, and the second time end at once. */
  stop(): void {
    const type = this.#isStopping ? 'stop-now' : 'stop';
    const limitMs = this.#isStopping ? CUT_LIMIT_MS : this.#options.stopLimitMs;
    this.#beginToStop(0);
    for (const { process, isReady } of this.#slots) {
      if (isReady || type === 'stop') process?.send({ type });
      else process?.kill();
    }
    this.#after(limitMs, () => {
      for (const { process } of this.#slots) process?.kill();
    });
  }

  /** Has all workers read routes.yaml again: a reload at one is one at all. */
  reload(): void {
    const [first] = this.#listening();
    if (first !== undefined) this.#tell(first, { type: 'reload' });
  }

  #start(slot: Slot): void {
    slot.starts++;
    slot.startedAt = this.#options.clock.elapsed();
    const process = this.#options.fork({ number: slot.worker, count: this.#slots.length, start: slot.starts });
    slot.process = process;
    process.follow({
      onMessage: (message) => this.#receive(slot, message),
      onExit: (code, signal) => this.#exited(slot, code, signal),
    });
  }

  #receive(slot: Slot, message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.#ready(slot);
        return;
      case 'relay': {
        const { to, topic, body } = message;
        const relayed = { type: 'relayed', from: slot.worker, topic, body } as const;
        if (to === 'others') this.#tellAll(relayed, slot);
        else this.#tell(to, relayed);
        return;
      }
      case 'figures':
        this.#figures.answer(slot.worker, message.id, message.figures);
        return;
      case 'ask-figures': {
        const { id } = message;
        const { process } = slot;
        void this.#figures.gather(this.#listening()).then((all) => process?.send({ type: 'all-figures', id, all }));
      }
    }
  }

  #ready(slot: Slot): void {
    slot.isReady = true;
    if (!this.#hasStarted && !this.#isStopping) for (const other of this.#slots.slice(1)) this.#start(other);
    this.#hasStarted = true;
    this.#tellAll({ type: 'listening', workers: this.#listening() });
    if (this.#isComplete || this.#listening().length < this.#slots.length) return;
    this.#isComplete = true;
    this.#options.say(`All ${this.#slots.length} workers are ready.`);
  }

  #exited(slot: Slot, code: number | null, signal: string | null): void {
    slot.process = null;
    slot.isReady = false;
    this.#figures.gone(slot.worker);
    this.#tellAll({ type: 'gone', worker: slot.worker });
    this.#tellAll({ type: 'listening', workers: this.#listening() });
    if (this.#isStopping) {
      if (code !== 0) this.#code ||= 1;
      this.#finishIfAllEnded();
      return;
    }
    const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
    if (!this.#hasStarted) {
      // One that ended by itself has said why.
      if (signal !== null) this.#options.say(`rightsize: the first worker ${how} before it was ready`);
      this.#beginToStop(code || 1);
      return;
    }
    this.#startAgain(slot, how);
  }

  #startAgain(slot: Slot, how: string): void {
    const { clock, say } = this.#options;
    if (clock.elapsed() - slot.startedAt >= HEALTHY_MS) slot.failures = 0;
    slot.failures++;
    if (slot.failures >= MAX_FAILURES && this.#listening().length === 0) {
      say(`rightsize: worker ${slot.worker} ${how}, ${slot.failures} times in a row, and no other answers: giving up`);
      this.#beginToStop(1);
      for (const { process } of this.#slots) process?.kill();
      return;
    }
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** (slot.failures - 1), LONGEST_DELAY_MS);
    say(`Worker ${slot.worker} ${how}; it is started again in ${delayMs / 1_000} s.`);
    this.#after(delayMs, () => this.#start(slot));
  }

  /** From now on nothing is started. */
  #beginToStop(code: number): void {
    this.#isStopping = true;
    this.#code ||= code;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
    this.#finishIfAllEnded();
  }

  #finishIfAllEnded(): void {
    if (this.#slots.some(({ process }) => process !== null)) return;
    for (const cancel of this.#cancels) cancel();
    this.#over.resolve(this.#code);
  }

  #after(ms: number, callback: () => void): void {
    const cancel = this.#options.clock.after(ms, () => {
      this.#cancels.delete(cancel);
      callback();
    });
    this.#cancels.add(cancel);
  }

  #listening(): number[] {
    return this.#slots.filter(({ isReady }) => isReady).map(({ worker }) => worker);
  }

  #tell(worker: number, message: ToWorker): void {
    this.#slots[worker - 1]?.process?.send(message);
  }

  #tellAll(message: ToWorker, except?: Slot): void {
    for (const slot of this.#slots) if (slot !== except) slot.process?.send(message);
  }
}
