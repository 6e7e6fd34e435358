import { expect, test } from 'vitest';
import type { FromWorker, ToWorker } from '../../src/cluster/messages.ts';
import { type ForkedWorker, Primary } from '../../src/cluster/primary.ts';
import type { WorkerName } from '../../src/cluster/worker-link.ts';
import { ManualClock } from '../support/manual-clock.ts';

type Events = Parameters<ForkedWorker['follow']>[0];

/** Processes that do what the test says; those that are killed end at once. */
const start = (workers: number) => {
  const clock = new ManualClock();
  const said: string[] = [];
  const forks: { name: WorkerName; told: ToWorker[]; say(message: FromWorker): void; end: Events['onExit'] }[] = [];
  const primary = new Primary({
    workers,
    clock,
    say: (line) => said.push(line),
    stopLimitMs: 45_000,
    fork(name) {
      let events: Events;
      let isOver = false;
      const end: Events['onExit'] = (code, signal) => {
        if (!isOver) events.onExit(code, signal);
        isOver = true;
      };
      const told: ToWorker[] = [];
      forks.push({ name, told, say: (message) => events.onMessage(message), end });
      return {
        send: (message) => told.push(message),
        follow: (given) => {
          events = given;
        },
        kill: () => end(null, 'SIGKILL'),
      };
    },
  });
  let code: number | null = null;
  void primary.run().then((given) => {
    code = given;
  });
  const latest = (number: number) => forks.findLast(({ name }) => name.number === number)!;
  const startsOf = (number: number) => forks.filter(({ name }) => name.number === number).length;
  const ready = (number: number) => latest(number).say({ type: 'ready' });
  const types = (number: number) => latest(number).told.map(({ type }) => type);
  const exitCode = async () => {
    await Promise.resolve();
    await Promise.resolve();
    return code;
  };
  return { clock, said, forks, primary, latest, startsOf, ready, types, exitCode };
};

const startAll = (workers: number) => {
  const cluster = start(workers);
  for (let number = 1; number <= workers; number++) cluster.ready(number);
  return cluster;
};

test('the others are started when the first one listens, and all of them are told who does', () => {
  const { forks, ready, said, latest } = start(3);
  expect(forks.map(({ name }) => name)).toEqual([{ number: 1, count: 3, start: 1 }]);
  ready(1);
  expect(forks.map(({ name }) => name.number)).toEqual([1, 2, 3]);
  ready(2);
  expect(said).toEqual([]);
  ready(3);
  expect(said).toEqual(['All 3 workers are ready.']);
  expect(latest(1).told.at(-1)).toEqual({ type: 'listening', workers: [1, 2, 3] });
});

test('what the first cannot do none can: it ends all, with its code', async () => {
  const { latest, forks, clock, said, exitCode } = start(3);
  latest(1).end(2, null);
  clock.advance(60_000);
  expect(forks).toHaveLength(1);
  expect(said).toEqual([]);
  expect(await exitCode()).toBe(2);
});

test('one that ends is started again, each time later, and anew after a minute of health', () => {
  const { latest, startsOf, clock, ready, said } = startAll(2);
  latest(2).end(null, 'SIGKILL');
  expect(latest(1).told).toContainEqual({ type: 'gone', worker: 2 });
  expect(said.at(-1)).toBe('Worker 2 was ended by SIGKILL; it is started again in 0.25 s.');
  clock.advance(249);
  expect(startsOf(2)).toBe(1);
  clock.advance(1);
  expect(startsOf(2)).toBe(2);
  latest(2).end(1, null);
  clock.advance(499);
  expect(startsOf(2)).toBe(2);
  clock.advance(1);
  expect(latest(2).name).toEqual({ number: 2, count: 2, start: 3 });
  ready(2);
  clock.advance(60_000);
  latest(2).end(null, 'SIGSEGV');
  expect(said.at(-1)).toContain('in 0.25 s');
});

test('while another answers, one that keeps ending is tried for ever, every half minute at last', () => {
  const { latest, startsOf, clock, said } = startAll(2);
  for (let count = 0; count < 20; count++) {
    latest(2).end(1, null);
    clock.advance(30_000);
  }
  expect(startsOf(2)).toBe(21);
  expect(said.at(-1)).toContain('in 30 s');
});

test('when none answers and one has ended six times in a row, all is given up with code 1', async () => {
  const { latest, startsOf, clock, said, exitCode } = startAll(2);
  latest(1).end(null, 'SIGKILL');
  for (let count = 0; count < 6; count++) {
    expect(await exitCode()).toBeNull();
    latest(2).end(1, null);
    clock.advance(10_000);
  }
  expect(said.at(-1)).toMatch(
    /^rightsize: worker 2 ended with code 1, 6 times in a row, and no other answers: giving up$/,
  );
  expect(startsOf(2)).toBe(6);
  expect(await exitCode()).toBe(1);
});

test('the first stop drains, the second cuts off, and what does not end is killed', async () => {
  const { latest, primary, types, clock, exitCode } = startAll(3);
  primary.stop();
  expect([1, 2, 3].map((number) => types(number).at(-1))).toEqual(['stop', 'stop', 'stop']);
  latest(1).end(0, null);
  clock.advance(40_000);
  expect(await exitCode()).toBeNull();
  primary.stop();
  expect(types(2).at(-1)).toBe('stop-now');
  latest(2).end(0, null);
  clock.advance(5_000);
  expect(await exitCode()).toBe(1);
});

test('a drain in which all end by themselves is code 0, and nothing is started meanwhile', async () => {
  const { latest, primary, forks, clock, exitCode } = startAll(2);
  latest(2).end(1, null);
  primary.stop();
  clock.advance(1_000);
  latest(1).end(0, null);
  expect(forks).toHaveLength(2);
  expect(await exitCode()).toBe(0);
});

test('a reload is told to one that listens, which tells the others', () => {
  const { latest, primary, types } = startAll(3);
  latest(1).end(null, 'SIGKILL');
  primary.reload();
  expect([2, 3].filter((number) => types(number).includes('reload'))).toEqual([2]);
});

test('what one says to the others, or to one of them, reaches nobody else', () => {
  const { latest, types } = startAll(3);
  latest(2).say({ type: 'relay', to: 'others', topic: 'config', body: 'a' });
  latest(3).say({ type: 'relay', to: 1, topic: 'models', body: 'b' });
  expect(latest(1).told.slice(-2)).toEqual([
    { type: 'relayed', from: 2, topic: 'config', body: 'a' },
    { type: 'relayed', from: 3, topic: 'models', body: 'b' },
  ]);
  expect(types(2)).not.toContain('relayed');
  expect(types(3).filter((type) => type === 'relayed')).toHaveLength(1);
});
