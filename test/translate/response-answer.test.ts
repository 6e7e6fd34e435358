import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { completionToChunks } from '../../src/contract/completion-to-chunks.ts';
import { GatewayError } from '../../src/contract/errors.ts';
import { FoldedAnswer } from '../../src/contract/fold-chunks.ts';
import type { ChatCompletionChunk, WireMessage } from '../../src/contract/openai.ts';
import { NO_TOKENS } from '../../src/ledger/tokens.ts';
import { AnswerBuilder } from '../../src/translate/responses/answer-builder.ts';
import type { ToolKind } from '../../src/translate/responses/read-tools.ts';
import type { ResponsesBody } from '../../src/translate/responses/request-body.ts';
import { foldResponseEvents, readResponseEvents, type Wire } from '../support/fold-response-events.ts';

const TOKENS = { ...NO_TOKENS, promptTokens: 11, cachedTokens: 3, completionTokens: 7, reasoningTokens: 2 };
const KINDS = new Map<string, ToolKind>([
  ['plan', 'function'],
  ['patch', 'custom'],
  ['local_shell', 'local_shell'],
]);

const builder = (request: Partial<ResponsesBody> = {}) => {
  let count = 0;
  return new AnswerBuilder({
    frame: { id: 'resp_1', createdAt: 1, request: { model: 'auto', input: 'hi', ...request }, isStored: true },
    kinds: KINDS,
    newItemId: (prefix) => `${prefix}_${count++}`,
  });
};

const chunk = (delta: WireMessage, finish_reason: string | null = null, extra: object = {}): ChatCompletionChunk => ({
  id: 'c',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason, ...extra }],
});

const stream = (chunks: ChatCompletionChunk[], request: Partial<ResponsesBody> = {}) => {
  const writing = builder(request);
  let text = '';
  for (const one of chunks) text += writing.add(one);
  const { events, last, response } = writing.end(TOKENS);
  const all = readResponseEvents(text + events + last);
  return { events: all, types: all.map(({ type }) => type), response: response as Wire };
};

const call = (index: number, name: string, text: string) => ({
  index,
  id: `call_${index}`,
  type: 'function',
  function: { name, arguments: text },
});

describe('the events of an answer', () => {
  test('of reasoning are those of a summary where one was asked for, else of the reasoning itself', () => {
    const chunks = [chunk({ reasoning_content: 'Hm' }), chunk({ reasoning: 'm.' }), chunk({ content: 'Yes.' }, 'stop')];
    const summary = stream(chunks, { reasoning: { summary: 'auto' } });
    expect(summary.types.slice(2, 9)).toEqual([
      'response.output_item.added',
      'response.reasoning_summary_part.added',
      'response.reasoning_summary_text.delta',
      'response.reasoning_summary_text.delta',
      'response.reasoning_summary_text.done',
      'response.reasoning_summary_part.done',
      'response.output_item.done',
    ]);
    expect(summary.response['output'][0]).toMatchObject({ summary: [{ type: 'summary_text', text: 'Hmm.' }] });
    const whole = stream(chunks);
    expect(whole.types.slice(3, 8)).toEqual([
      'response.content_part.added',
      'response.reasoning_text.delta',
      'response.reasoning_text.delta',
      'response.reasoning_text.done',
      'response.content_part.done',
    ]);
    expect(whole.response['output'][0]).toMatchObject({
      summary: [],
      content: [{ type: 'reasoning_text', text: 'Hmm.' }],
    });
  });

  test('of a refusal are its own', () => {
    const { types, response } = stream([chunk({ refusal: 'I must' }), chunk({ refusal: ' not.' }, 'stop')]);
    expect(types.slice(4, 8)).toEqual([
      'response.refusal.delta',
      'response.refusal.delta',
      'response.refusal.done',
      'response.content_part.done',
    ]);
    expect(response['output'][0].content).toEqual([{ type: 'refusal', refusal: 'I must not.' }]);
  });

  test.each([
    ['length', 'incomplete', { reason: 'max_output_tokens' }, 'incomplete'],
    ['content_filter', 'incomplete', { reason: 'content_filter' }, 'completed'],
    ['stop', 'completed', null, 'completed'],
    ['tool_calls', 'completed', null, 'completed'],
  ])('that ended by %s end with response.%s', (reason, status, details, itemStatus) => {
    const { types, response } = stream([chunk({ content: 'So' }), chunk({}, reason)]);
    expect(types.at(-1)).toBe(`response.${status}`);
    expect(response).toMatchObject({ status, incomplete_details: details });
    expect(response['output'][0].status).toBe(itemStatus);
  });

  test('carry log-probabilities, and the whole object has them again', () => {
    const logprobs = { content: [{ token: 'So', logprob: -0.1, bytes: null, top_logprobs: [] }] };
    const { events, response } = stream([chunk({ content: 'So' }, null, { logprobs }), chunk({}, 'stop')]);
    expect(events.find(({ type }) => type === 'response.output_text.delta')!['logprobs']).toEqual(logprobs.content);
    expect(response['output'][0].content[0].logprobs).toEqual(logprobs.content);
  });

  test('are one line each, by whatever a client takes for the end of a line', () => {
    const content = 'a\u2028b\u2029c\u0085d\r\ne';
    const text = builder().add(chunk({ content }));
    expect(text).not.toMatch(/[\u2028\u2029\u0085\r]/);
    expect(stream([chunk({ content }, 'stop')]).response['output'][0].content[0].text).toBe(content);
    expect(readResponseEvents(text).at(-1)!['delta']).toBe(content);
  });

  test('of an empty answer are the two that frame it', () => {
    const { types, response } = stream([chunk({ role: 'assistant', content: '' }), chunk({}, 'stop')]);
    expect(types).toEqual(['response.created', 'response.in_progress', 'response.completed']);
    expect(response).toMatchObject({ output: [], usage: { input_tokens: 11, total_tokens: 18 } });
  });

  test('that break off end as error and response.failed, numbered on, with what had come', () => {
    const writing = builder();
    const begun = writing.add(chunk({ content: 'So' }));
    const error = new GatewayError('upstream_rate_limited', 'Too much.');
    const events = readResponseEvents(begun + writing.fail(error));
    expect(events.slice(-2)).toMatchObject([
      { type: 'error', code: 'rate_limit_exceeded', message: 'Too much.', param: null },
      { type: 'response.failed', response: { id: 'resp_1', status: 'failed', error: { code: 'rate_limit_exceeded' } } },
    ]);
  });

  test('only of the first choice: responses have one', () => {
    const second = { ...chunk({ content: 'no' }), choices: [{ index: 1, delta: { content: 'no' } }] };
    expect(stream([chunk({ content: 'yes' }), second, chunk({}, 'stop')]).response['output']).toHaveLength(1);
  });
});

/** Parts of an answer as a model may send them: thinking first, then words and calls, whose fragments interleave. */
const answers = fc
  .record({
    reasoning: fc.array(fc.string({ minLength: 1, unit: 'grapheme' }), { maxLength: 3 }),
    content: fc.array(fc.string({ minLength: 1, unit: 'grapheme' }), { maxLength: 4 }),
    refusal: fc.array(fc.string({ minLength: 1 }), { maxLength: 2 }),
    calls: fc.array(
      fc.record({
        name: fc.constantFrom('plan', 'patch', 'local_shell', 'unknown'),
        text: fc.oneof(
          fc.constant(''),
          fc.json(),
          fc.record({ input: fc.string() }).map((value) => JSON.stringify(value)),
          fc.string(),
        ),
      }),
      { maxLength: 4 },
    ),
    finish: fc.constantFrom('stop', 'length', 'tool_calls', 'content_filter'),
    seeds: fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
    wantsSummary: fc.boolean(),
  })
  .map(({ reasoning, content, refusal, calls, finish, seeds, wantsSummary }) => {
    const queues: WireMessage[][] = [
      [...content.map((text) => ({ content: text })), ...refusal.map((text) => ({ refusal: text }))],
      ...calls.map(({ name, text }, index) => [
        { tool_calls: [call(index, name, '')] },
        ...(text.match(/.{1,4}/gsu) ?? []).map((piece) => ({
          tool_calls: [{ index, function: { arguments: piece } }],
        })),
      ]),
    ];
    // Words come before calls in a plain answer, and a call begins before the next one does.
    const head = queues.map((queue) => queue.shift()).filter((delta) => delta !== undefined);
    const rest: WireMessage[] = [];
    for (const seed of seeds.concat(seeds, seeds, seeds)) {
      const left = queues.filter((queue) => queue.length > 0);
      if (left.length > 0) rest.push(left[seed % left.length]!.shift()!);
    }
    for (const queue of queues) rest.push(...queue);
    const deltas = [...reasoning.map((text) => ({ reasoning_content: text })), ...head, ...rest];
    return { chunks: [...deltas.map((delta) => chunk(delta)), chunk({}, finish)], wantsSummary };
  });

describe('a streamed answer', () => {
  test('put together from its deltas is its own last event, and the plain answer', () => {
    fc.assert(
      fc.property(answers, ({ chunks, wantsSummary }) => {
        const request = wantsSummary ? { reasoning: { summary: 'auto' } } : {};
        const { events, response } = stream(chunks, request);
        const folded = foldResponseEvents(events);
        const last = events.at(-1)!['response'];
        expect(folded).toEqual(last.output);
        expect(last).toEqual(JSON.parse(JSON.stringify(response)));
        expect(new Set(events.flatMap((event) => event['response']?.id ?? []))).toEqual(new Set(['resp_1']));

        const whole = new FoldedAnswer();
        for (const one of chunks) whole.add(one);
        const plain = stream(completionToChunks(whole.completion()!), request);
        expect(plain.response['output'].map(withoutId)).toEqual(response['output'].map(withoutId));
        expect(plain.response['status']).toBe(response['status']);
      }),
      { numRuns: 300 },
    );
  });
});

const withoutId = ({ id: _id, ...item }: Record<string, unknown>) => item;
