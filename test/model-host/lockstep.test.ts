import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Lockstep } from '../../src/model-host/lockstep.ts';

/** Numbers from 0 to 1, the same in each run. */
const seeded = (seed: number) => () => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return seed / 2 ** 32;
};

test('sequences that always ask again step together, whichever is done first', async () => {
  const lockstep = new Lockstep();
  const chance = seeded(1);
  const batches: number[] = [];
  let running = 0;
  const writes = async (leave: () => void) => {
    for (let step = 0; step < 20; step++) {
      await lockstep.step(async () => {
        running++;
        await nextTurn();
        batches.push(running);
        await sleep(chance() * 3);
        running--;
      });
    }
    leave();
  };
  await Promise.all(Array.from({ length: 8 }, () => lockstep.join()).map(writes));
  expect(batches).toEqual(Array.from({ length: 160 }, () => 8));
});

test('one that does not ask holds up nobody, and one that asks while others run is next', async () => {
  const lockstep = new Lockstep();
  const order: string[] = [];
  const endless = (async () => {
    for (let step = 0; step < 10; step++) {
      await lockstep.step(async () => {
        order.push('a');
        await sleep(1);
      });
    }
  })();
  await nextTurn();
  await lockstep.step(async () => void order.push('b'));
  await endless;
  expect(order.indexOf('b')).toBeLessThan(3);
  expect(order).toHaveLength(11);
});

test('a step that fails, at once or later, fails alone and stops nobody', async () => {
  const lockstep = new Lockstep();
  const failing = [
    lockstep.step(() => {
      throw new Error('at once');
    }),
    lockstep.step(async () => {
      await sleep(1);
      throw new Error('later');
    }),
  ];
  const fine = lockstep.step(async () => 'fine');
  await expect(failing[0]).rejects.toThrow('at once');
  await expect(failing[1]).rejects.toThrow('later');
  expect(await fine).toBe('fine');
  expect(await lockstep.step(async () => 'still')).toBe('still');
});

test('one alone begins at once, and one that has left is not waited for', async () => {
  const lockstep = new Lockstep();
  const [leave, leaveToo] = [lockstep.join(), lockstep.join()];
  leave();
  leave();
  let hasBegun = false;
  const step = lockstep.step(async () => {
    hasBegun = true;
  });
  await Promise.resolve();
  expect(hasBegun).toBe(true);
  await step;
  leaveToo();
});
