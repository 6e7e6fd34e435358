import { expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';

test('the system clock runs a callback once, after its time, unless it was cancelled', async () => {
  const calls: string[] = [];
  const start = systemClock.elapsed();
  const cancel = systemClock.after(5, () => calls.push('cancelled'));
  cancel();
  // Its own timers keep no process alive; this one does while the test waits.
  const alive = setInterval(() => {}, 1_000);
  await new Promise<void>((resolve) => {
    systemClock.after(20, () => {
      calls.push('ran');
      resolve();
    });
  });
  clearInterval(alive);
  expect(calls).toEqual(['ran']);
  // Timers may fire within a millisecond before their time by the finer clock.
  expect(systemClock.elapsed() - start).toBeGreaterThanOrEqual(19);
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
});
