import { check } from 'k6';
import { Trend } from 'k6/metrics';
import type { Options } from 'k6/options';
import { ask, setting } from './gateway-client.ts';

/**
 * STREAMS (200) streams held open at the same time for DURATION (30s); each takes about a second, and the next one
 * follows it at once. The slowest percent may wait P99_MS (250) for the first byte, with k6 on the same machine.
 */
const STREAMS = setting('STREAMS', 200);
const P99_MS = setting('P99_MS', 250);

const firstByte = new Trend('stream_first_byte', true);

export const options: Options = {
  scenarios: {
    streams: { executor: 'constant-vus', vus: STREAMS, duration: __ENV['DURATION'] ?? '30s', gracefulStop: '30s' },
  },
  thresholds: {
    checks: ['rate>0.9999'],
    http_req_failed: ['rate<0.0001'],
    stream_first_byte: [`p(99)<${P99_MS}`],
  },
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
};

export default function streams(): void {
  const response = ask({ isStream: true, tag: 'streamed' });
  firstByte.add(response.timings.waiting);
  const body = typeof response.body === 'string' ? response.body : '';
  check(response, {
    'is 200': ({ status }) => status === 200,
    'was finished': () => body.includes('"finish_reason":"stop"'),
    'carries usage': () => body.includes('"total_tokens":'),
    'ends with [DONE]': () => body.trimEnd().endsWith('data: [DONE]'),
  });
}
