import { createHash } from 'node:crypto';
import type { RouteConfig } from '../config/route-schema.ts';

/**
 * Whether a rule only watches a request: in observe mode, or because its conversation lies outside the rollout. A
 * conversation always gets the same answer, and each route draws anew, so that two rollouts do not meet the same people.
 */
export const isObserved = ({ name, mode, rollout }: RouteConfig, sessionKey: string): boolean => {
  if (mode === 'observe') return true;
  if (rollout === undefined) return false;
  const drawn = createHash('sha256').update(`${name}\0${sessionKey}`).digest().readUInt32BE() / 2 ** 32;
  return drawn >= rollout;
};
