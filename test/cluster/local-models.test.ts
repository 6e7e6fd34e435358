import { expect, test } from 'vitest';
import type { FromWorker, ToWorker } from '../../src/cluster/messages.ts';
import { ModelFollower } from '../../src/cluster/model-follower.ts';
import type { LocalModel } from '../../src/cluster/model-messages.ts';
import { ModelOwner } from '../../src/cluster/model-owner.ts';
import { shareReloads } from '../../src/cluster/share-reloads.ts';
import { WorkerLink } from '../../src/cluster/worker-link.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { until } from '../support/until.ts';

/** Workers in one process, whose messages pass at once, copied as between processes. */
const createHub = () => {
  const clock = new ManualClock();
  const members = new Map<number, (message: ToWorker) => void>();
  const tellAll = (message: ToWorker) => {
    for (const tell of members.values()) tell(message);
  };
  const join = (number: number, start = 1): WorkerLink => {
    const send = (message: FromWorker) => {
      if (message.type !== 'relay') return;
      const { to, topic, body } = structuredClone(message);
      for (const [other, tell] of members) {
        if (to === other || (to === 'others' && other !== number)) tell({ type: 'relayed', from: number, topic, body });
      }
    };
    const link = new WorkerLink(
      { number, count: 3, start },
      { send, on: (_, listener) => members.set(number, listener) },
      clock,
    );
    tellAll({ type: 'listening', workers: [...members.keys()] });
    return link;
  };
  const end = (number: number) => {
    members.delete(number);
    tellAll({ type: 'gone', worker: number });
    tellAll({ type: 'listening', workers: [...members.keys()] });
  };
  return { clock, join, end };
};

/** A local model as worker 1 has it. */
class Model implements LocalModel {
  readonly socketPath: string;
  uses = 0;
  /** Ends what waits: ready, or why not. */
  readonly waiting = new Set<(refusal?: Error) => void>();
  #state: ReturnType<LocalModel['state']> = { state: 'ready', detail: 'loads on first use' };

  constructor(socketPath = '/run/a.sock') {
    this.socketPath = socketPath;
  }

  become(state: 'ready' | 'starting' | 'down', detail: string): void {
    this.#state = { state, detail };
  }

  state() {
    return this.#state;
  }

  begin(): () => void {
    this.uses++;
    return () => void this.uses--;
  }

  untilReady(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (refusal?: Error) => {
        this.waiting.delete(settle);
        if (refusal === undefined) resolve();
        else reject(refusal);
      };
      this.waiting.add(settle);
      signal.addEventListener('abort', () => settle(signal.reason as Error));
    });
  }
}

const never = () => new AbortController().signal;

test('another worker sees the model of the first and its changes, uses it and waits for it', async () => {
  const { join, clock } = createHub();
  const owner = new ModelOwner(join(1), clock);
  const followed = new ModelFollower(join(2)).follow('a');
  expect(followed.state()).toEqual({ state: 'starting', detail: 'the model host is starting' });
  const model = new Model();
  owner.publish('a', model);
  expect(followed.state()).toEqual({ state: 'ready', detail: 'loads on first use' });
  expect(followed.socketPath).toBe('/run/a.sock');

  const end = followed.begin();
  expect(model.uses).toBe(1);
  const ready = followed.untilReady(never());
  for (const settle of model.waiting) settle();
  await ready;
  end();
  end();
  expect(model.uses).toBe(0);

  model.become('down', 'the engine crashed');
  clock.advance(200);
  expect(followed.state()).toEqual({ state: 'down', detail: 'the engine crashed' });
});

test('why a model will not be ready is told as by the first worker, and another model may be asked', async () => {
  const { join, clock } = createHub();
  const model = new Model();
  new ModelOwner(join(1), clock).publish('a', model);
  const ready = new ModelFollower(join(2)).follow('a').untilReady(never());
  for (const settle of model.waiting) settle(new Error('The local model a: no such file.'));
  await expect(ready).rejects.toMatchObject({
    code: 'no_upstream_available',
    message: 'The local model a: no such file.',
    isRetryable: true,
  });
});

test('who gives up waiting is gone from the queue of the first worker too', async () => {
  const { join, clock } = createHub();
  const model = new Model();
  new ModelOwner(join(1), clock).publish('a', model);
  const controller = new AbortController();
  const ready = new ModelFollower(join(2)).follow('a').untilReady(controller.signal);
  expect(model.waiting.size).toBe(1);
  controller.abort(new Error('too late'));
  await expect(ready).rejects.toThrow('too late');
  expect(model.waiting.size).toBe(0);
});

test('what a worker used is free when its process has ended', () => {
  const { join, clock, end } = createHub();
  const model = new Model();
  new ModelOwner(join(1), clock).publish('a', model);
  const followed = new ModelFollower(join(2)).follow('a');
  followed.begin();
  void followed.untilReady(never()).catch(() => {});
  expect([model.uses, model.waiting.size]).toEqual([1, 1]);
  end(2);
  expect([model.uses, model.waiting.size]).toEqual([0, 0]);
});

test('while the first worker is away its models are starting; its successor learns who uses and waits for what', async () => {
  const { join, clock, end } = createHub();
  new ModelOwner(join(1), clock).publish('a', new Model('/run/old.sock'));
  const followed = new ModelFollower(join(2)).follow('a');
  end(1);
  expect(followed.state()).toEqual({ state: 'starting', detail: 'worker 1, which runs the local models, is starting' });
  followed.begin();
  const ready = followed.untilReady(never());

  const model = new Model('/run/new.sock');
  new ModelOwner(join(1, 2), clock).publish('a', model);
  expect(followed.socketPath).toBe('/run/new.sock');
  expect([model.uses, model.waiting.size]).toEqual([1, 1]);
  for (const settle of model.waiting) settle();
  await ready;
});

test('a model that is no longer configured ends when the last worker has left it', async () => {
  const { join, clock } = createHub();
  const takeBack = new ModelOwner(join(1), clock).publish('a', new Model());
  const followed = new ModelFollower(join(2)).follow('a');
  const end = followed.begin();
  let isFree = false;
  const taken = takeBack().then(() => {
    isFree = true;
  });
  await Promise.resolve();
  followed.leave();
  await Promise.resolve();
  expect(isFree).toBe(false);
  end();
  await taken;
});

test('a model that left the configuration and came back at once is another: calls end with the one they began with', async () => {
  const { join, clock } = createHub();
  const owner = new ModelOwner(join(1), clock);
  const [before, after] = [new Model('/run/1.sock'), new Model('/run/2.sock')];
  const takeBack = owner.publish('a', before);
  const follower = new ModelFollower(join(2));
  const old = follower.follow('a');
  const end = old.begin();
  const taken = takeBack();
  owner.publish('a', after);
  const followed = follower.follow('a');
  followed.begin();
  expect([before.uses, after.uses, followed.socketPath]).toEqual([1, 1, '/run/2.sock']);
  old.leave();
  end();
  await taken;
  expect([before.uses, after.uses]).toEqual([0, 1]);
});

test('a reload at one worker is over when all others have reloaded, or do not answer within five seconds', async () => {
  const { join, clock } = createHub();
  const reloads = [0, 0, 0];
  let finishThird = () => {};
  const sources = [0, 1, 2].map((index) => ({
    reload: async () => {
      reloads[index]!++;
      if (index === 2) await new Promise<void>((resolve) => (finishThird = resolve));
    },
  }));
  const [first] = sources.map((source, index) => shareReloads(source as never, join(index + 1)));
  let isOver = false;
  const over = () =>
    first!.reload().then(() => {
      isOver = true;
    });
  const reloading = over();
  await until(() => reloads.every((count) => count === 1));
  expect(isOver).toBe(false);
  finishThird();
  await reloading;

  isOver = false;
  void over();
  await until(() => reloads.every((count) => count === 2));
  clock.advance(5_000);
  await until(() => isOver);
});
