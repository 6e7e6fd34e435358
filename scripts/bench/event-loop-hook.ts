import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Loaded into the gateway with `--import`: tells its parent, when asked, how long its event loop was held up. */
const RESOLUTION_MS = 5;
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

/** A sample counts from the one before it; what is beyond the time between two samples is the delay. */
const toDelayMs = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);

histogram.enable();
process.on('message', (message) => {
  if (message === 'reset') histogram.reset();
  if (message !== 'read') return;
  const { max } = histogram;
  const [p50, p99] = [histogram.percentile(50), histogram.percentile(99)];
  process.send!({ p50: toDelayMs(p50), p99: toDelayMs(p99), max: toDelayMs(max) });
});
process.channel?.unref();
