import { check } from 'k6';
import type { Options, Scenario } from 'k6/options';
import { ask, setting } from './gateway-client.ts';

/**
 * Plain requests of 1 kB at a constant rate, whatever the gateway's answers take: after a warm-up that no threshold
 * judges, RATE a second (200) for DURATION (30s), then PEAK a second (500; 0 leaves it out) for as long again. No request
 * equals another, so none comes from the cache. The slowest percent may take P99_MS (100) from end to end, with k6 on the
 * same machine.
 */
const RATE = setting('RATE', 200);
const PEAK = setting('PEAK', 500);
const P99_MS = setting('P99_MS', 100);
const DURATION = __ENV['DURATION'] ?? '30s';

const WARM_UP_SECONDS = 5;

const atRate = (rate: number, duration: string, startTime: string): Scenario => ({
  executor: 'constant-arrival-rate',
  rate,
  timeUnit: '1s',
  duration,
  startTime,
  preAllocatedVUs: Math.max(20, Math.ceil(rate / 5)),
  maxVUs: rate * 2,
});

export const options: Options = {
  discardResponseBodies: true,
  scenarios: {
    warm_up: atRate(RATE, `${WARM_UP_SECONDS}s`, '0s'),
    steady: atRate(RATE, DURATION, `${WARM_UP_SECONDS}s`),
    // k6 reads a sum of durations: `5s` and `30s` are `5s30s`.
    ...(PEAK > 0 && { peak: atRate(PEAK, DURATION, `${WARM_UP_SECONDS}s${DURATION}`) }),
  },
  thresholds: {
    checks: ['rate>0.9999'],
    http_req_failed: ['rate<0.0001'],
    'http_req_duration{scenario:steady}': [`p(99)<${P99_MS}`],
    ...(PEAK > 0 && { 'http_req_duration{scenario:peak}': [`p(99)<${P99_MS}`] }),
    // Requests that k6 could not send in time: beyond one percent the rate was not what was asked for.
    dropped_iterations: [`rate<${RATE / 100}`],
  },
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
};

export default function steady(): void {
  check(ask({ isStream: false, tag: 'plain' }), {
    'is 200': ({ status }) => status === 200,
    'was answered by a tier': ({ headers }) => headers['X-Rightsize-Tier'] !== undefined,
  });
}
