import type { Writable } from 'node:stream';
import type { Clock } from '../lib/clock.ts';

export type Progress = { file: string; bytes: number; totalBytes: number };

const BAR_WIDTH = 24;
const REDRAW_MS = 100;
/** Without a terminal: a line for each tenth. */
const PLAIN_STEPS = 10;
const SPEED_WINDOW_MS = 5_000;

/** Shows how far a download is: a line that redraws itself on a terminal, a plain line for each tenth elsewhere. */
export class ProgressLine {
  readonly #output: Writable & { isTTY?: boolean; columns?: number };
  readonly #clock: Pick<Clock, 'elapsed'>;
  #samples: { at: number; bytes: number }[] = [];
  #lastDrawn = Number.NEGATIVE_INFINITY;
  #lastStep = -1;

  constructor(output: Writable, clock: Pick<Clock, 'elapsed'>) {
    this.#output = output;
    this.#clock = clock;
  }

  update(progress: Progress): void {
    const at = this.#clock.elapsed();
    this.#samples = [...this.#samples.filter((sample) => at - sample.at <= SPEED_WINDOW_MS), { at, ...progress }];
    const isLast = progress.bytes >= progress.totalBytes;
    if (this.#output.isTTY) {
      if (!isLast && at - this.#lastDrawn < REDRAW_MS) return;
      this.#lastDrawn = at;
      const line = this.#describe(progress, drawBar(progress)).slice(0, (this.#output.columns ?? 80) - 1);
      this.#output.write(`\r\u001b[K${line}${isLast ? '\n' : ''}`);
      return;
    }
    const step = Math.floor((progress.bytes / progress.totalBytes) * PLAIN_STEPS);
    if (step === this.#lastStep) return;
    this.#lastStep = step;
    this.#output.write(`${this.#describe(progress, '')}\n`);
  }

  #describe({ file, bytes, totalBytes }: Progress, bar: string): string {
    const percent = `${Math.floor((bytes / totalBytes) * 100)} %`.padStart(5);
    const amounts = `${megabytes(bytes)} of ${megabytes(totalBytes)}`;
    const speed = this.#speed();
    const pace = speed > 0 ? `, ${megabytes(speed)}/s, ${duration((totalBytes - bytes) / speed)} left` : '';
    return `${file} ${bar}${percent}  ${amounts}${pace}`;
  }

  /** In bytes per second, over the last seconds. */
  #speed(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || last.at <= first.at) return 0;
    return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000;
  }
}

const drawBar = ({ bytes, totalBytes }: Progress): string => {
  const filled = Math.round((bytes / totalBytes) * BAR_WIDTH);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] `;
};

const megabytes = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;

const duration = (seconds: number): string =>
  seconds >= 3600
    ? `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`
    : seconds >= 60
      ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
      : `${Math.round(seconds)} s`;
