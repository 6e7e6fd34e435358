import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ModelFleet } from '../../src/model-host/fleet.ts';
import type { Member } from '../../src/model-host/fleet-member.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { standInHost } from './support/stand-in-host.ts';
import { chat, json, until } from './support/test-host.ts';
import { temporaryFolder, untrainedNanoFile } from './support/test-models.ts';

/** What the model in the box is estimated at, a little more than its host really takes. */
const ONE_MODEL = 160e6;
const signal = () => AbortSignal.timeout(20_000);

const fleets: { end(): Promise<unknown> }[] = [];
afterEach(() => Promise.all(fleets.splice(0).map(({ end }) => end())));

/** Its hosts are stand-ins unless `isReal`. */
const createFleet = (budgetBytes: number, { budget = Promise.resolve(budgetBytes), isReal = false } = {}) => {
  const clock = new ManualClock();
  const logger = { info: () => {}, warn: () => {}, error: () => {} };
  const fleet = new ModelFleet({ budgetBytes: budget, clock, logger });
  const folder = temporaryFolder();
  const members: Member[] = [];
  const program = isReal ? {} : { mainPath: standInHost() };
  const join_ = (
    name: string,
    options: { load?: 'eager' | 'on-demand'; keepAliveMs?: number | null; model?: string } = {},
  ) => {
    const member = fleet.join({
      ...{
        name,
        socketName: name,
        model: untrainedNanoFile(),
        contextTokens: 512,
        parallel: 1,
        gpu: 'off',
        threads: 1,
        environment: process.env,
      },
      ...{ load: 'on-demand', keepAliveMs: null, modelsDir: folder, engineDir: folder, socketDir: join(folder, 'run') },
      ...{ clock, logger, ...program, ...options },
    });
    members.push(member);
    return member;
  };
  const end = async () => {
    const leaving = Promise.all(members.map((member) => fleet.leave(member)));
    await leaving;
  };
  const created = { clock, join: join_, fleet, end, members };
  fleets.push(created);
  return created;
};

/** One request, begun and ended; the model's name in its answer. */
const use = async (member: Member): Promise<string> => {
  const end = member.begin();
  try {
    await member.untilReady(signal());
    return json(await chat(member, { model: member.options.name, max_tokens: 2 })).model;
  } finally {
    end();
  }
};
const isGone = (member: Member) => until(() => !member.isLoaded);

test('a model on demand is not loaded until it is used, and counts as ready until then', async () => {
  const { join } = createFleet(ONE_MODEL, { isReal: true });
  const member = join('a');
  await Promise.resolve();
  expect(member.isLoaded).toBe(false);
  expect(member.state().state).toBe('ready');
  expect(member.state().detail).toMatch(/^loads on first use/);
  expect(await use(member)).toBe('a');
  expect(member.state().detail).toMatch(/untrained-nano\.gguf on CPU/);
});

test('an idle model is unloaded after its keepAlive, not while it answers, and comes back', async () => {
  const { join, clock } = createFleet(ONE_MODEL);
  const member = join('a', { keepAliveMs: 60_000 });
  await use(member);
  clock.advance(59_000);
  const end = member.begin();
  clock.advance(600_000);
  expect(member.isLoaded && !member.isClosing).toBe(true);
  end();
  clock.advance(59_999);
  expect(member.isClosing).toBe(false);
  clock.advance(1);
  await isGone(member);
  expect(member.state()).toMatchObject({
    state: 'ready',
    detail: expect.stringMatching(/^it was not used for a while/),
  });
  expect(await use(member)).toBe('a');
});

test('a model whose only client left while it loaded is unloaded too', async () => {
  const { join, clock } = createFleet(ONE_MODEL);
  const member = join('a', { keepAliveMs: 1_000 });
  await Promise.resolve();
  const end = member.begin();
  const left = new AbortController();
  const waiting = member.untilReady(left.signal);
  left.abort(new Error('left'));
  await expect(waiting).rejects.toThrow('left');
  end();
  await until(() => member.state().detail.includes('on CPU'));
  clock.advance(1_000);
  await isGone(member);
});

describe('with memory for one model of two', () => {
  test('the eager ones that fit are loaded; for the others there is a place when they are used', async () => {
    const { join, clock } = createFleet(ONE_MODEL);
    const [a, b] = [join('a', { load: 'eager' }), join('b', { load: 'eager' })];
    await until(() => a.state().detail.includes('on CPU'));
    expect(b.isLoaded).toBe(false);
    expect(b.state().state).toBe('ready');
    clock.advance(30_000);
    expect(await use(b)).toBe('b');
    expect(a.isLoaded).toBe(false);
    expect(a.state().detail).toMatch(/it made room for b; loads on first use \(about 1\d\d MB\)/);
  });

  test('two that take turns change places only after the time that a model stays at least', async () => {
    const { join, clock } = createFleet(ONE_MODEL, { isReal: true });
    const [a, b] = [join('a'), join('b')];
    await use(a);
    const second = use(b);
    clock.advance(29_999);
    expect(b.state()).toMatchObject({ state: 'starting', detail: expect.stringMatching(/^waits for memory \(about/) });
    expect(await use(a)).toBe('a');
    clock.advance(1);
    expect(await second).toBe('b');
    expect(a.isLoaded).toBe(false);
    const third = use(a);
    clock.advance(29_000);
    expect(a.isLoaded).toBe(false);
    clock.advance(1_000);
    expect(await third).toBe('a');
  });

  test('one that answers is never pushed out: who waits gives up by its own limit or is next', async () => {
    const { join, clock } = createFleet(ONE_MODEL);
    const [a, b] = [join('a'), join('b')];
    await use(a);
    const end = a.begin();
    clock.advance(600_000);
    const impatient = b.begin();
    await expect(b.untilReady(AbortSignal.timeout(50))).rejects.toThrow(/timeout/i);
    impatient();
    expect(b.state().state).toBe('ready');
    const patient = use(b);
    expect(a.isLoaded && !a.isClosing).toBe(true);
    end();
    expect(await patient).toBe('b');
    expect(a.isLoaded).toBe(false);
  });

  test('nothing is pushed out for a client that has left', async () => {
    const { join, clock } = createFleet(ONE_MODEL);
    const [a, b] = [join('a'), join('b')];
    await use(a);
    b.begin()();
    clock.advance(60_000);
    expect(a.isLoaded && !a.isClosing).toBe(true);
    expect(b.isLoaded).toBe(false);
  });

  test('a request for a model on its way out waits for it to come back', async () => {
    const { join } = createFleet(ONE_MODEL);
    const a = join('a');
    await use(a);
    void a.unload('');
    expect(a.isClosing).toBe(true);
    expect(await use(a)).toBe('a');
  });
});

test('of three, the one that was not used for the longest goes', async () => {
  const { join, clock } = createFleet(2 * ONE_MODEL);
  const [a, b, c] = [join('a'), join('b'), join('c')];
  await use(a);
  clock.advance(1);
  await use(b);
  clock.advance(30_000);
  await use(a);
  expect(await use(c)).toBe('c');
  expect([a, b, c].map((member) => member.isLoaded)).toEqual([true, false, true]);
});

test('a model larger than all that local models may use runs, alone', async () => {
  const { join, clock } = createFleet(ONE_MODEL / 2);
  const [a, b] = [join('a'), join('b')];
  expect(await use(a)).toBe('a');
  clock.advance(30_000);
  expect(await use(b)).toBe('b');
  expect(a.isLoaded).toBe(false);
});

test('a model that cannot be loaded takes no memory from the others and says why', async () => {
  const { join } = createFleet(ONE_MODEL);
  const broken = join('broken', { model: '/nowhere/model.gguf', load: 'eager' });
  await until(() => broken.state().state === 'down');
  expect(broken.state().detail).toMatch(/does not exist/);
  await expect(use(broken)).rejects.toThrow(/local model broken: .*does not exist/);
  expect(await use(join('a'))).toBe('a');
});

test('who leaves the fleet is gone for good, and frees its place', async () => {
  const { join, fleet } = createFleet(ONE_MODEL);
  const [a, b] = [join('a'), join('b')];
  await use(a);
  const waiting = use(b);
  await fleet.leave(a);
  expect(await waiting).toBe('b');
  expect(a.state().state).toBe('down');
  await expect(use(a)).rejects.toThrow(/was stopped/);
});

test('before it is known how much memory there is, models are starting and requests wait', async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const { join } = createFleet(0, { budget: promise });
  const a = join('a', { load: 'eager' });
  expect(a.state().state).toBe('starting');
  const answer = use(a);
  resolve(ONE_MODEL);
  expect(await answer).toBe('a');
});
