import { Worker } from 'node:worker_threads';
import { type ErrorCode, GatewayError } from '../contract/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { LedgerReports } from './ledger-reports.ts';
import type { Question, ThreadAnswer } from './report-thread.ts';

/** Questions that may wait; more are refused at once. */
const MAX_WAITING = 32;
/** Longest time for one answer, its wait for others included. */
const TIME_LIMIT_MS = 15_000;
/** The thread ends after so long without a question, and with it its memory. */
const IDLE_MS = 60_000;

type Waiting = { resolve(value: unknown): void; reject(error: Error): void; cancel(): void };

/**
 * Reports on a thread of their own, so that no question holds up a request. It is started by the first question, and
 * anew after one that took too long: then all that wait are refused with `report_unavailable`.
 */
export class ThreadReports implements LedgerReports {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #timeLimitMs: number;
  #worker: Worker | null = null;
  #waiting = new Map<number, Waiting>();
  #cancelIdle = () => {};
  #lastId = 0;

  /** @param directory the data directory, whose ledger is there before the first question. */
  constructor(options: { directory: string; clock: Clock; logger: Pick<Logger, 'warn'>; timeLimitMs?: number }) {
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#timeLimitMs = options.timeLimitMs ?? TIME_LIMIT_MS;
  }

  readonly revision: LedgerReports['revision'] = (query) => this.#ask('revision', query);
  readonly summary: LedgerReports['summary'] = (filter) => this.#ask('summary', filter);
  readonly series: LedgerReports['series'] = (filter) => this.#ask('series', filter);
  readonly breakdown: LedgerReports['breakdown'] = (query) => this.#ask('breakdown', query);
  readonly difficulty: LedgerReports['difficulty'] = (filter) => this.#ask('difficulty', filter);
  readonly requests: LedgerReports['requests'] = (filter) => this.#ask('requests', filter);
  readonly request: LedgerReports['request'] = (query) => this.#ask('request', query);
  readonly history: LedgerReports['history'] = (query) => this.#ask('history', query);

  /** Ends the thread; what waits is refused. */
  async close(): Promise<void> {
    await this.#end('the gateway stops');
  }

  #ask<Value>(name: keyof LedgerReports, argument: unknown): Promise<Value> {
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.reject(unavailable(`${MAX_WAITING} questions wait for an answer already`));
    }
    this.#cancelIdle();
    const id = ++this.#lastId;
    return new Promise<Value>((resolve, reject) => {
      const cancel = this.#clock.after(this.#timeLimitMs, () => {
        this.#logger.warn({ report: name }, 'a report took too long; its thread is started anew');
        void this.#end(`no answer within ${Math.round(this.#timeLimitMs / 1_000)} s; ask for a shorter range`);
      });
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, cancel });
      this.#started().postMessage({ id, name, argument } satisfies Question);
    });
  }

  #started(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(import.meta.filename.replace('thread-reports', 'report-thread'), {
      workerData: { directory: this.#directory },
      // 5 million entries need less than 100 MB; this bounds what a mistake may take.
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    worker.unref();
    worker.on('message', (answer: ThreadAnswer) => this.#answered(answer));
    worker.on('error', (error) => {
      this.#logger.warn({ err: error }, 'the thread of reports failed');
      if (this.#worker === worker) void this.#end(error.message);
    });
    this.#worker = worker;
    return worker;
  }

  #answered(answer: ThreadAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    this.#waiting.delete(answer.id);
    waiting.cancel();
    if (this.#waiting.size === 0) this.#cancelIdle = this.#clock.after(IDLE_MS, () => void this.#end('idle'));
    if ('value' in answer) {
      waiting.resolve(answer.value);
      return;
    }
    const { code, message, param } = answer.fault;
    waiting.reject(
      code === null
        ? unavailable(message)
        : new GatewayError(code as ErrorCode, message, param === null ? {} : { param }),
    );
  }

  async #end(why: string): Promise<void> {
    const [worker, waiting] = [this.#worker, this.#waiting];
    this.#worker = null;
    this.#waiting = new Map();
    this.#cancelIdle();
    for (const { reject, cancel } of waiting.values()) {
      cancel();
      reject(unavailable(why));
    }
    await worker?.terminate();
  }
}

const unavailable = (why: string): GatewayError =>
  new GatewayError('report_unavailable', `The report cannot be given now: ${why}.`, { retryAfterSeconds: 5 });
