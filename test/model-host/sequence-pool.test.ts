import { getLlama, type LlamaContext, LlamaLogLevel, type Token } from 'node-llama-cpp';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { SequencePool } from '../../src/model-host/sequence-pool.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { untrainedNanoFile } from './support/test-models.ts';

let context: LlamaContext;
beforeAll(async () => {
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath: untrainedNanoFile() });
  context = await model.createContext({ contextSize: 256, sequences: 6 });
  return () => llama.dispose();
});

const sequences: ReturnType<LlamaContext['getSequence']>[] = [];
const createPool = (clock: ManualClock, size = 2): SequencePool => {
  while (sequences.length < size) sequences.push(context.getSequence());
  return new SequencePool({ sequences, maxWaiting: 2, deadlineMs: 30_000, clock, between: (work) => work() });
};
afterEach(() => Promise.all(sequences.splice(0).map((sequence) => sequence.dispose())));

const tokens = (text: string): Token[] => context.model.tokenize(text);
const signal = new AbortController().signal;

/** Takes a sequence, reads the whole prompt into it and gives it back; how many tokens needed no reading. */
const read = async (pool: SequencePool, prompt: Token[], partition: string): Promise<number> => {
  const lease = await pool.acquire(prompt, { partition }, signal);
  const kept = lease.sequence.nextTokenIndex;
  await lease.sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(kept));
  lease.release();
  return kept;
};

test('those who wait are served in the order in which they came', async () => {
  const pool = createPool(new ManualClock(), 1);
  const first = await pool.acquire(tokens('a b'), { partition: '' }, signal);
  const order: string[] = [];
  const waiting = ['one', 'two'].map(async (name) => {
    const lease = await pool.acquire(tokens('c d'), { partition: '' }, signal);
    order.push(name);
    lease.release();
  });
  expect(pool.facts).toEqual({ total: 1, free: 0, waiting: 2 });
  await expect(pool.acquire(tokens('e'), { partition: '' }, signal)).rejects.toMatchObject({
    code: 'no_upstream_available',
    retryAfterSeconds: 2,
    message: expect.stringContaining('2 requests are waiting already'),
  });
  first.release();
  await Promise.all(waiting);
  expect(order).toEqual(['one', 'two']);
  expect(pool.facts).toEqual({ total: 1, free: 1, waiting: 0 });
});

test('whoever waits longer than the deadline is refused, and the place is free again', async () => {
  const clock = new ManualClock();
  const pool = createPool(clock, 1);
  const lease = await pool.acquire(tokens('a'), { partition: '' }, signal);
  const late = pool.acquire(tokens('b'), { partition: '' }, signal);
  clock.advance(30_000);
  await expect(late).rejects.toThrow(/none of its sequences became free within 30 s/);
  expect(pool.facts.waiting).toBe(0);
  lease.release();
});

test('whoever leaves while waiting is forgotten', async () => {
  const pool = createPool(new ManualClock(), 1);
  const lease = await pool.acquire(tokens('a'), { partition: '' }, signal);
  const leaving = new AbortController();
  const waiting = pool.acquire(tokens('b'), { partition: '' }, leaving.signal);
  leaving.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  lease.release();
  expect(pool.facts).toEqual({ total: 1, free: 1, waiting: 0 });
});

test('a prompt goes to the sequence that knows most of it, but never to what another partition left', async () => {
  const pool = createPool(new ManualClock());
  const one = tokens('The first of two conversations about nothing.');
  const two = tokens('A second one with words of its own in it.');
  expect(await read(pool, one, 'a')).toBe(0);
  expect(await read(pool, two, 'a')).toBe(0);
  expect(await read(pool, [...one, ...tokens(' More.')], 'a')).toBe(one.length);
  expect(await read(pool, [...two, ...tokens(' More.')], 'a')).toBe(two.length);
  expect(await read(pool, one, 'b')).toBe(0);
  expect(await read(pool, two, 'b')).toBe(0);
});

test('a sequence that failed starts from nothing for its next user', async () => {
  const pool = createPool(new ManualClock(), 1);
  const prompt = tokens('A prompt that ends badly.');
  await read(pool, prompt, 'a');
  (await pool.acquire(prompt, { partition: 'a' }, signal)).release({ isDamaged: true });
  expect(await read(pool, prompt, 'a')).toBe(0);
});

test('advice on when to come back follows how long answers take', async () => {
  const clock = new ManualClock();
  const pool = createPool(clock, 1);
  const first = await pool.acquire(tokens('a b'), { partition: '' }, signal);
  clock.advance(6000);
  first.release();
  const second = await pool.acquire(tokens('a b'), { partition: '' }, signal);
  const waiting = [1, 2].map(() =>
    pool.acquire(tokens('c'), { partition: '' }, signal).then((lease) => lease.release()),
  );
  // Two wait before it and one is being served: three answers of six seconds.
  await expect(pool.acquire(tokens('d'), { partition: '' }, signal)).rejects.toMatchObject({ retryAfterSeconds: 18 });
  second.release();
  await Promise.all(waiting);
});

test('a session gets its own sequence back', async () => {
  const pool = createPool(new ManualClock());
  const prompt = (words: string) => tokens(`The same beginning. ${words}`);
  const use = async (words: string, session: string) => {
    const lease = await pool.acquire(prompt(words), { partition: 'a', session }, signal);
    await lease.sequence.evaluateWithoutGeneratingNewTokens(prompt(words).slice(lease.sequence.nextTokenIndex));
    lease.release();
    return lease.sequence;
  };
  const one = await use('One and one and one.', 'one');
  const two = await use('Two and two and two and something else.', 'two');
  expect(two).not.toBe(one);
  expect(await use('Something quite other that was never said before.', 'two')).toBe(two);
  expect(await use('Nor this, which is as new as the last.', 'one')).toBe(one);
});

test('requests at the same time get neighbours, unless that would take what was used lately', async () => {
  const pool = createPool(new ManualClock(), 6);
  const take = (text: string) => pool.acquire(tokens(text), { partition: '' }, signal);
  const first = [await take('a'), await take('b'), await take('c')];
  expect(first.map(({ place }) => place)).toEqual([0, 1, 2]);
  for (const lease of first) lease.release();
  // The longest unused one, then one beside it, though another was used longer ago.
  const [third, fourth] = [await take('d'), await take('e')];
  expect([third.place, fourth.place]).toEqual([3, 4]);
  third.release();
  // Places 3 and 5 lie beside 4, and 3 was used last.
  expect((await take('f')).place).toBe(5);
});
