import { describe, expect, test } from 'vitest';
import { apgrInterval, measureRouting, type Outcome, quantile } from '../../src/difficulty/metrics.ts';

/** Ten prompts of rising difficulty; the weak model is right on the first five, the strong one on all. */
const PERFECT: Outcome[] = Array.from({ length: 10 }, (_, i) => ({
  difficulty: i / 10,
  weak: i < 5 ? 1 : 0,
  strong: 1,
}));

describe('routing figures, worked out by hand', () => {
  test('a perfect router: half the calls recover the whole gap', () => {
    const figures = measureRouting(PERFECT);
    expect(figures).toMatchObject({ rows: 10, weak: 0.5, strong: 1, auc: 1 });
    // Quality rises from 0.5 to 1 over the first half of the calls, then stays: three quarters of the gap's area.
    expect(figures.apgr).toBeCloseTo(0.75, 9);
    expect(figures.cpt50).toBeCloseTo(0.25, 9);
    expect(figures.cpt80).toBeCloseTo(0.4, 9);
  });

  test('the same router upside down mirrors it', () => {
    const figures = measureRouting(PERFECT.map((outcome) => ({ ...outcome, difficulty: -outcome.difficulty })));
    expect(figures.apgr).toBeCloseTo(0.25, 9);
    expect(figures.cpt50).toBeCloseTo(0.75, 9);
    expect(figures.auc).toBe(0);
  });

  test('a router that cannot tell prompts apart is a coin toss', () => {
    const figures = measureRouting(PERFECT.map((outcome) => ({ ...outcome, difficulty: 0.5 })));
    expect(figures.apgr).toBeCloseTo(0.5, 9);
    expect(figures.auc).toBe(0.5);
    expect(figures.ece).toBeCloseTo(0, 9);
  });

  test('prompts that both models fail do not count as needing the strong one', () => {
    const bothFail = { difficulty: 0.99, weak: 0, strong: 0 };
    expect(measureRouting([...PERFECT, bothFail]).auc).toBe(1);
  });

  test('calibration error is the distance between what was said and what happened', () => {
    const said = (difficulty: number, weak: number): Outcome => ({ difficulty, weak, strong: 1 });
    // Four prompts at 0.25, one of which needs the strong model; one at 0.9 that does not.
    const outcomes = [said(0.25, 0), said(0.25, 1), said(0.25, 1), said(0.25, 1), said(0.9, 1)];
    expect(measureRouting(outcomes).ece).toBeCloseTo(0.9 / 5, 9);
  });

  test('without a gap between the models, or without rows, there is nothing to recover', () => {
    const same = PERFECT.map(({ difficulty }) => ({ difficulty, weak: 1, strong: 1 }));
    expect(measureRouting(same)).toMatchObject({ apgr: null, cpt50: null, cpt80: null, auc: null });
    expect(apgrInterval(same)).toBeNull();
  });

  test('the interval is the same each time and holds the figure', () => {
    const interval = apgrInterval(PERFECT)!;
    expect(interval).toEqual(apgrInterval(PERFECT));
    expect(interval.low).toBeLessThan(0.75);
    expect(interval.high).toBeGreaterThan(0.75);
  });
});

test('quantiles are interpolated between neighbours', () => {
  expect([0, 0.25, 0.5, 1].map((position) => quantile([0, 1, 2, 10], position))).toEqual([0, 0.75, 1.5, 10]);
});
