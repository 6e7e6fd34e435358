import { describe, expect, test } from 'vitest';
import type { RouteConfig } from '../../src/config/route-schema.ts';
import { isObserved } from '../../src/routing/rollout.ts';

const rule = (overrides: Partial<RouteConfig>) => ({ name: 'r', mode: 'enforce', ...overrides }) as RouteConfig;
const sessions = Array.from({ length: 4_000 }, (_, index) => `session-${index}`);
const enforced = (route: RouteConfig) => sessions.filter((session) => !isObserved(route, session));

describe('a rollout', () => {
  test.each([0, 0.25, 0.5, 1])('of %d holds for that part of the conversations', (rollout) => {
    expect(Math.abs(enforced(rule({ rollout })).length / sessions.length - rollout)).toBeLessThan(0.03);
  });

  test('keeps every conversation on its side as it grows', () => {
    const grown = new Set(enforced(rule({ rollout: 0.5 })));
    expect(enforced(rule({ rollout: 0.2 })).every((session) => grown.has(session))).toBe(true);
  });

  test('meets other conversations on another route', () => {
    const both = new Set(enforced(rule({ rollout: 0.5 })));
    const shared = enforced(rule({ name: 'other', rollout: 0.5 })).filter((session) => both.has(session));
    expect(Math.abs(shared.length / sessions.length - 0.25)).toBeLessThan(0.03);
  });

  test('never overrules observe mode', () => {
    expect(isObserved(rule({ mode: 'observe', rollout: 1 }), 'session')).toBe(true);
    expect(isObserved(rule({}), 'session')).toBe(false);
  });
});
