import type { Clock } from '../lib/clock.ts';
import type { Figures } from './messages.ts';

/** A worker that is so busy that it does not answer within this time is told by its figures of before. */
const LIMIT_MS = 1_000;

type Asking = { id: number; missing: Set<number>; finish(): void; result: Promise<Figures[]> };

/**
 * The figures of all workers together. What a worker had counted when it was last asked goes on counting when its process has
 * ended, and while it does not answer: a sum that became smaller would look to Prometheus like a restart of everything, and
 * its rates would jump by all that was ever counted.
 */
export class SharedFigures {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #ask: (worker: number, id: number) => void;
  readonly #last = new Map<number, Figures>();
  /** Counters of processes that have ended. As many entries as there are metrics, times label values. */
  #past: Figures = [];
  #asking: Asking | null = null;
  #lastId = 0;

  /** @param ask asks one worker, which is to `answer` with the same id. */
  constructor(clock: Pick<Clock, 'after'>, ask: (worker: number, id: number) => void) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** One list for each worker, as far as it ever told, and one of those that have ended. Who asks meanwhile gets the same. */
  gather(workers: readonly number[]): Promise<Figures[]> {
    if (this.#asking !== null) return this.#asking.result;
    const { promise: result, resolve } = Promise.withResolvers<Figures[]>();
    const cancel = this.#clock.after(LIMIT_MS, () => asking.finish());
    const asking: Asking = {
      id: ++this.#lastId,
      missing: new Set(workers),
      result,
      finish: () => {
        cancel();
        this.#asking = null;
        resolve([...this.#last.values(), this.#past]);
      },
    };
    this.#asking = asking;
    for (const worker of workers) this.#ask(worker, asking.id);
    if (asking.missing.size === 0) asking.finish();
    return result;
  }

  answer(worker: number, id: number, figures: Figures): void {
    // Late ones count as well: they are newer than what is known.
    this.#last.set(worker, figures);
    if (id === this.#asking?.id) this.#settle(worker);
  }

  /** A worker's process has ended. */
  gone(worker: number): void {
    const counted = (this.#last.get(worker) ?? []).filter(({ type }) => type === 'counter' || type === 'histogram');
    this.#past = addUp([...this.#past, ...counted]);
    this.#last.delete(worker);
    this.#settle(worker);
  }

  #settle(worker: number): void {
    if (this.#asking?.missing.delete(worker) && this.#asking.missing.size === 0) this.#asking.finish();
  }
}

type Value = { labels: Record<string, unknown>; metricName?: string; value: number };

/** One metric for each name, with one value for each of its series. */
const addUp = (metrics: Figures): Figures => {
  const byName = new Map<string, { metric: Figures[number]; values: Map<string, Value> }>();
  for (const metric of metrics) {
    const sum = byName.get(metric.name) ?? { metric, values: new Map<string, Value>() };
    byName.set(metric.name, sum);
    for (const each of metric.values as Value[]) {
      const key = JSON.stringify([each.metricName, Object.entries(each.labels).sort()]);
      sum.values.set(key, { ...each, value: (sum.values.get(key)?.value ?? 0) + each.value });
    }
  }
  return [...byName.values()].map(({ metric, values }) => ({ ...metric, values: [...values.values()] }));
};
