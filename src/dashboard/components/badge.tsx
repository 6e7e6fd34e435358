import type { ReactNode } from 'react';

export type Tone = 'plain' | 'good' | 'warn' | 'bad' | 'accent';

export const Badge = ({ tone = 'plain', children }: { tone?: Tone; children: ReactNode }) => (
  <span className={tone === 'plain' ? 'badge' : `badge badge-${tone}`}>{children}</span>
);

const OUTCOME_TONES: Record<string, Tone> = {
  ok: 'good',
  error: 'bad',
  refused: 'warn',
  aborted: 'plain',
  escalated: 'accent',
};

/** How a request or an attempt ended. */
export const OutcomeBadge = ({ outcome }: { outcome: string }) => (
  <Badge tone={OUTCOME_TONES[outcome] ?? 'plain'}>{outcome}</Badge>
);
