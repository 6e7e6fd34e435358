import { beforeEach, describe, expect, test } from 'vitest';
import { parseChatRequest } from '../../src/contract/chat-request.ts';
import { GatewayError } from '../../src/contract/errors.ts';
import type { AttemptRecord } from '../../src/contract/ledger-entry.ts';
import type { ChatCompletionChunk, WireMessage } from '../../src/contract/openai.ts';
import { toPart } from '../../src/contract/stream-part.ts';
import { execute } from '../../src/execution/execute.ts';
import { ModelHealth } from '../../src/execution/model-health.ts';
import { AttemptMeter } from '../../src/ledger/attempt-meter.ts';
import { AttemptRecorder } from '../../src/ledger/attempt-recorder.ts';
import type { Candidate } from '../../src/routing/routing-table.ts';
import type { ChatAnswer, ChatCall, PartStream, Upstream } from '../../src/upstreams/upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** An upstream in this process that answers as it is told and remembers what it was asked. */
class LocalUpstream implements Upstream {
  readonly kind = 'openai-compatible' as const;
  readonly apis = new Set(['chat'] as const);
  readonly name: string;
  readonly calls: ChatCall[] = [];
  readonly #answer: (call: ChatCall) => Promise<ChatAnswer>;

  constructor(name: string, answer: (call: ChatCall) => Promise<ChatAnswer>) {
    this.name = name;
    this.#answer = answer;
  }

  state() {
    return { state: 'ready', detail: 'ready' } as const;
  }

  chat(call: ChatCall): Promise<ChatAnswer> {
    this.calls.push(call);
    return this.#answer(call);
  }

  async forward(): Promise<never> {
    throw new Error('nothing is forwarded here');
  }

  async close(): Promise<void> {}
}

const chunk = (delta: WireMessage, finish_reason: string | null = null): ChatCompletionChunk => ({
  id: 'c',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason }],
});

/** Streams the chunks one by one, then ends or fails; tells whether it was ended by its reader. */
const streamOf = (chunks: ChatCompletionChunk[], failure?: GatewayError) => {
  const state = { isOver: false };
  async function* parts(): PartStream & AsyncGenerator {
    try {
      for (const one of chunks) yield [toPart(one)];
      if (failure) throw failure;
    } finally {
      state.isOver = true;
    }
  }
  return { state, answer: async (): Promise<ChatAnswer> => ({ kind: 'stream', parts: parts() }) };
};

const plain = async (): Promise<ChatAnswer> => {
  const completion = {
    id: 'c',
    object: 'chat.completion' as const,
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
  };
  return { kind: 'plain', completion, text: JSON.stringify(completion) };
};

const failing =
  (code: 'upstream_error' | 'upstream_refused', isRetryable: boolean) => async (): Promise<ChatAnswer> => {
    throw new GatewayError(code, `${code}!`, { isRetryable });
  };

const candidate = (upstream: string): Candidate => ({
  tier: 'small',
  upstream,
  model: `${upstream}-model`,
  weight: 1,
  capabilities: new Set(),
  apis: new Set(['chat']),
  contextTokens: null,
  config: { upstream, weight: 1 },
});

let meters: AttemptMeter[];
beforeEach(() => {
  meters = [];
});
const outcomes = (): [string, AttemptRecord['outcome'], string | null][] =>
  meters.map((meter) => meter.record()).map(({ upstream, outcome, errorCode }) => [upstream, outcome, errorCode]);

const run = (upstreams: LocalUpstream[], { isStream = false, signal = new AbortController().signal } = {}) => {
  const request = parseChatRequest(
    Buffer.from(JSON.stringify({ model: 'auto', stream: isStream, messages: [{ role: 'user', content: 'hi' }] })),
  );
  const clock = new ManualClock();
  return execute({
    attempts: upstreams.map(({ name }) => candidate(name)),
    request,
    upstreams: new Map(upstreams.map((upstream) => [upstream.name, upstream])),
    partition: 'team',
    session: 'conversation',
    signal,
    escalation: null,
    retries: 0,
    health: new ModelHealth(clock),
    clock,
    random: () => 0,
    acquire: async () => ({ hold: { settle: async () => {} }, refusal: null }),
    record: ({ tier, upstream, model }) => {
      const meter = new AttemptMeter({ tier, upstream, model, billing: { kind: 'free' } }, clock, () => {});
      meters.push(meter);
      return new AttemptRecorder(meter, request);
    },
  });
};

const textOf = async (parts: PartStream): Promise<string> => {
  let text = '';
  for await (const batch of parts) for (const { chunk: one } of batch) text += one.choices[0]?.delta.content ?? '';
  return text;
};

test('the first that answers is the answer, and nobody after it is asked', async () => {
  const [bad, good, spare] = [
    new LocalUpstream('bad', failing('upstream_error', true)),
    new LocalUpstream('good', plain),
    new LocalUpstream('spare', plain),
  ];
  const completion = await run([bad, good, spare]);
  expect(completion).toMatchObject({
    kind: 'plain',
    candidate: { upstream: 'good' },
    failures: ['bad failed: upstream_error'],
  });
  expect(good.calls).toMatchObject([{ model: 'good-model', partition: 'team' }]);
  expect(good.calls[0]?.request).toBe(bad.calls[0]?.request);
  expect(spare.calls).toEqual([]);
  expect(outcomes()).toEqual([
    ['bad', 'error', 'upstream_error'],
    ['good', 'ok', null],
  ]);
});

test('a fault of the request itself is final', async () => {
  const good = new LocalUpstream('good', plain);
  await expect(run([new LocalUpstream('bad', failing('upstream_refused', false)), good])).rejects.toMatchObject({
    code: 'upstream_refused',
  });
  expect(good.calls).toEqual([]);
});

test('when all fail, the last failure is the error and every attempt is recorded', async () => {
  const all = ['a', 'b', 'c'].map((name) => new LocalUpstream(name, failing('upstream_error', true)));
  await expect(run(all)).rejects.toMatchObject({ code: 'upstream_error' });
  expect(outcomes().map(([name, outcome]) => [name, outcome])).toEqual([
    ['a', 'error'],
    ['b', 'error'],
    ['c', 'error'],
  ]);
});

test('with nothing to ask it is an error, not a hang', async () => {
  await expect(run([])).rejects.toMatchObject({ code: 'no_upstream_available' });
});

describe('streams', () => {
  const role = chunk({ role: 'assistant', content: '' });
  const failure = new GatewayError('upstream_interrupted', 'cut', { isRetryable: true });

  test('a failure before the first content is answered by the next, and nothing of the first is left in the answer', async () => {
    const broken = streamOf([role], failure);
    const whole = streamOf([role, chunk({ content: 'yes' }), chunk({}, 'stop')]);
    const completion = await run([new LocalUpstream('a', broken.answer), new LocalUpstream('b', whole.answer)], {
      isStream: true,
    });
    if (completion.kind === 'plain') throw new Error('expected a stream');
    const chunks: ChatCompletionChunk[] = [];
    for await (const batch of completion.parts) chunks.push(...batch.map((part) => part.chunk));
    expect(chunks).toHaveLength(3);
    expect(outcomes()).toEqual([
      ['a', 'error', 'upstream_interrupted'],
      ['b', 'ok', null],
    ]);
    expect([broken.state.isOver, whole.state.isOver]).toEqual([true, true]);
  });

  test('a failure after the first content is thrown, and nobody else is asked', async () => {
    const spare = new LocalUpstream('b', plain);
    const broken = streamOf([role, chunk({ content: 'yes' })], failure);
    const completion = await run([new LocalUpstream('a', broken.answer), spare], { isStream: true });
    if (completion.kind === 'plain') throw new Error('expected a stream');
    await expect(textOf(completion.parts)).rejects.toBe(failure);
    expect(spare.calls).toEqual([]);
    expect(outcomes()).toEqual([['a', 'error', 'upstream_interrupted']]);
  });

  test.each([
    ['text', { content: 'x' }],
    ['a tool call', { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '' } }] }],
    ['reasoning', { reasoning_content: 'hm' }],
    ['a refusal', { refusal: 'no' }],
  ])('%s is content: from then on the client is committed to this model', async (_, delta) => {
    const { answer } = streamOf([role, chunk(delta)], failure);
    const completion = await run([new LocalUpstream('a', answer), new LocalUpstream('b', plain)], { isStream: true });
    expect(completion.candidate.upstream).toBe('a');
    if (completion.kind === 'stream') await expect(textOf(completion.parts)).rejects.toBe(failure);
  });

  test('a reader that leaves early ends the upstream’s stream, and the attempt counts as aborted with what had come', async () => {
    const { answer, state } = streamOf([
      role,
      chunk({ content: 'one ' }),
      chunk({ content: 'two ' }),
      chunk({}, 'stop'),
    ]);
    const completion = await run([new LocalUpstream('a', answer)], { isStream: true });
    if (completion.kind === 'plain') throw new Error('expected a stream');
    for await (const _ of completion.parts) break;
    expect(state.isOver).toBe(true);
    expect(outcomes()).toEqual([['a', 'aborted', 'client_closed_request']]);
    expect(meters[0]?.record().tokens).toMatchObject({ isEstimated: true, completionTokens: 1 + 1 });
  });
});

test('a client that left is not the upstream’s fault: nobody else is asked', async () => {
  const controller = new AbortController();
  const spare = new LocalUpstream('b', plain);
  const leaving = new LocalUpstream('a', async () => {
    const error = new GatewayError('client_closed_request', 'left');
    controller.abort(error);
    throw error;
  });
  await expect(run([leaving, spare], { signal: controller.signal })).rejects.toMatchObject({
    code: 'client_closed_request',
  });
  expect(spare.calls).toEqual([]);
  expect(outcomes()).toEqual([['a', 'aborted', 'client_closed_request']]);
});
