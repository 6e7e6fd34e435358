import { expect, test } from 'vitest';
import { TrackedUpstream } from '../../src/upstreams/tracked-upstream.ts';
import type { ChatAnswer, ChatCall, Upstream } from '../../src/upstreams/upstream.ts';

const setUp = (answer: () => Promise<ChatAnswer>) => {
  const uses: string[] = [];
  const upstream: Upstream = {
    name: 'local',
    kind: 'llama',
    apis: new Set(['chat'] as const),
    state: () => ({ state: 'ready', detail: 'ready' }),
    chat: answer,
    forward: async () => {
      throw new Error('nothing is forwarded here');
    },
    close: async () => {},
  };
  const tracked = new TrackedUpstream(upstream, () => {
    uses.push('begin');
    return () => uses.push('end');
  });
  const leave = new AbortController();
  return { uses, leave, chat: () => tracked.chat({ signal: leave.signal } as ChatCall) };
};

const plain = { kind: 'plain', text: '{}', completion: {} } as unknown as ChatAnswer;
const stream = (fails = false): ChatAnswer => ({
  kind: 'stream',
  parts: (async function* () {
    yield [];
    if (fails) throw new Error('broken');
    yield [];
  })(),
});
const read = async (answer: ChatAnswer, limit = Number.POSITIVE_INFINITY) => {
  let count = 0;
  if (answer.kind === 'stream') for await (const _ of answer.parts) if (++count >= limit) break;
};

test('a plain answer and a failure end the use at once', async () => {
  const good = setUp(async () => plain);
  await good.chat();
  expect(good.uses).toEqual(['begin', 'end']);
  const bad = setUp(() => Promise.reject(new Error('down')));
  await expect(bad.chat()).rejects.toThrow('down');
  expect(bad.uses).toEqual(['begin', 'end']);
});

test('a stream is in use until it was read, left or failed', async () => {
  for (const [fails, limit] of [[false], [false, 1], [true]] as [boolean, number?][]) {
    const { uses, chat } = setUp(async () => stream(fails));
    const answer = await chat();
    expect(uses).toEqual(['begin']);
    await read(answer, limit).catch(() => {});
    expect(uses).toEqual(['begin', 'end']);
  }
});

test('a stream that nobody begins to read ends with its call', async () => {
  const { uses, leave, chat } = setUp(async () => stream());
  await chat();
  leave.abort();
  expect(uses).toEqual(['begin', 'end']);
});
