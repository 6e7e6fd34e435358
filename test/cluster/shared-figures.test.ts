import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { Figures } from '../../src/cluster/messages.ts';
import { SharedFigures } from '../../src/cluster/shared-figures.ts';
import { ManualClock } from '../support/manual-clock.ts';

const figuresOf = async (requests: Record<string, number>): Promise<Figures> => {
  const registers = [new Registry()];
  const counter = new Counter({ name: 'requests_total', help: 'r', labelNames: ['route'], registers });
  for (const [route, count] of Object.entries(requests)) counter.inc({ route }, count);
  new Gauge({ name: 'workers', help: 'w', registers }).set(1);
  return (await registers[0]!.getMetricsAsJSON()) as unknown as Figures;
};

const gatherer = () => {
  const clock = new ManualClock();
  const asked: { worker: number; id: number }[] = [];
  const shared = new SharedFigures(clock, (worker, id) => asked.push({ worker, id }));
  const shown = async (all: Promise<Figures[]>) =>
    (await AggregatorRegistry.aggregate((await all) as never).metrics())
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .sort();
  /** What is shown when these answer, in turn, and the others do not. */
  const gather = async (workers: number[], answers: [number, Record<string, number>][]) => {
    const all = shared.gather(workers);
    const { id } = asked.at(-1) ?? { id: 0 };
    for (const [worker, requests] of answers) shared.answer(worker, id, await figuresOf(requests));
    clock.advance(1_000);
    return shown(all);
  };
  return { clock, shared, asked, gather, shown };
};

test('counters and gauges of all that answer are added up', async () => {
  const { gather } = gatherer();
  const shown = await gather(
    [1, 2],
    [
      [1, { a: 3 }],
      [2, { a: 4, b: 1 }],
    ],
  );
  expect(shown).toEqual(['requests_total{route="a"} 7', 'requests_total{route="b"} 1', 'workers 2']);
});

test('what a worker had counted goes on counting after its end, however often its number ends; its gauges do not', async () => {
  const { gather, shared } = gatherer();
  await gather(
    [1, 2],
    [
      [1, { a: 3 }],
      [2, { a: 4, b: 1 }],
    ],
  );
  shared.gone(2);
  expect(await gather([1], [[1, { a: 5 }]])).toEqual([
    'requests_total{route="a"} 9',
    'requests_total{route="b"} 1',
    'workers 1',
  ]);
  await gather(
    [1, 2],
    [
      [1, { a: 5 }],
      [2, { a: 1 }],
    ],
  );
  shared.gone(2);
  expect(await gather([1], [[1, { a: 5 }]])).toContain('requests_total{route="a"} 10');
});

test('one that does not answer in time counts with what it told before, and its late answer the next time', async () => {
  const { gather, shared, asked } = gatherer();
  await gather(
    [1, 2],
    [
      [1, { a: 3 }],
      [2, { a: 4 }],
    ],
  );
  expect(await gather([1, 2], [[1, { a: 5 }]])).toContain('requests_total{route="a"} 9');
  shared.answer(2, asked.at(-1)!.id, await figuresOf({ a: 6 }));
  expect(await gather([1, 2], [[1, { a: 5 }]])).toContain('requests_total{route="a"} 11');
});

test('a worker that ends while it is asked is not waited for, and who asks meanwhile gets the same', async () => {
  const { shared, asked, shown } = gatherer();
  const [first, second] = [shared.gather([1, 2]), shared.gather([1, 2])];
  expect(asked).toHaveLength(2);
  shared.answer(1, 1, await figuresOf({ a: 1 }));
  shared.gone(2);
  expect(await shown(first)).toEqual(['requests_total{route="a"} 1', 'workers 1']);
  expect(await second).toBe(await first);
});
