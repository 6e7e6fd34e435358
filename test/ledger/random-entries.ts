import type { LedgerEntry } from '../../src/contract/ledger-entry.ts';
import { sampleAttempt, sampleEntry } from './sample-entry.ts';

/** mulberry32: the same numbers at every run. */
export const randomFrom = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

/** Entries of every kind, spread over `[fromMs, toMs)`; the same for the same seed. */
export const randomEntries = (count: number, fromMs: number, toMs: number, seed = 1): LedgerEntry[] => {
  const random = randomFrom(seed);
  const pick = <Value>(...values: Value[]): Value => values[Math.floor(random() * values.length)] as Value;
  return Array.from({ length: count }, (_, i) => {
    const kind = pick(
      'plain',
      'plain',
      'plain',
      'escalated',
      'failed over',
      'hit',
      'refused',
      'error',
      'unpriced',
      'aborted',
    );
    const cost = () => Math.floor(random() * 1e6);
    const small = { tier: 'small', upstream: 'local', model: 'nano', hardwareNanoUsd: 7, energyWh: 0.25 };
    const attempts =
      kind === 'hit' || kind === 'refused'
        ? []
        : kind === 'escalated' || kind === 'failed over'
          ? [
              sampleAttempt({
                ...small,
                outcome: kind === 'escalated' ? 'escalated' : 'error',
                isShown: false,
                costNanoUsd: cost(),
              }),
              sampleAttempt({ costNanoUsd: cost() }),
            ]
          : [
              sampleAttempt({
                ...(random() < 0.5 && small),
                costNanoUsd: kind === 'unpriced' ? null : cost(),
                outcome: kind === 'error' ? 'error' : kind === 'aborted' ? 'aborted' : 'ok',
                isShown: kind !== 'error',
              }),
            ];
    const outcome = kind === 'refused' || kind === 'error' || kind === 'aborted' ? kind : 'ok';
    return sampleEntry({
      id: `req_${seed}_${i}`,
      clientRequestId: i % 10 === 0 ? `trace-${i % 50}` : null,
      at: Math.floor(fromMs + random() * (toMs - fromMs)),
      team: pick('red', 'blue'),
      keyId: pick(null, 'key_1', 'key_2'),
      route: pick('default', 'code', null),
      tags: pick<Record<string, string>>({}, { app: 'chat' }, { app: pick('mail', 'search'), stage: 'beta' }),
      attempts,
      ...(kind === 'hit' && { cache: 'hit', tier: 'large', upstream: 'cloud', model: 'big' }),
      outcome,
      isStream: random() < 0.5,
      difficulty: kind === 'refused' ? null : random(),
      savedNanoUsd: kind === 'unpriced' ? null : cost(),
      fullSavedNanoUsd: pick(null, cost()),
      baselineNanoUsd: cost(),
      totalMs: 1 + random() * 4_000,
      firstTokenMs: pick(null, 1 + random() * 900),
      overheadMs: 0.2 + random(),
      wasteNanoUsd: attempts.reduce((sum, { isShown, costNanoUsd }) => sum + (isShown ? 0 : (costNanoUsd ?? 0)), 0),
      hardwareNanoUsd: attempts.reduce((sum, { hardwareNanoUsd }) => sum + (hardwareNanoUsd ?? 0), 0),
    });
  });
};
