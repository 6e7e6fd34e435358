import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ERROR_CODES, type ErrorCode } from '../../src/contract/errors.ts';
import { warmUp } from '../../src/ledger/estimate-tokens.ts';
import { chat, type RawReply, readAnswer } from '../support/chat-client.ts';
import {
  ANSWER,
  type BehaviourName,
  behaviours,
  CLOSED_URL,
  FaultyUpstream,
  TOOL_ARGUMENTS,
} from '../support/faulty-upstream.ts';
import {
  LONG_TIMEOUTS,
  SHORT_TIMEOUTS,
  startGateway,
  type TestGateway,
  twoTierRoutes,
} from '../support/start-gateway.ts';

/**
 * What the client must get. `answer`, `tools`: a whole answer. A code: that error and nothing else, unless another
 * upstream answers. `final`: that error even where another upstream could be asked. `after`: content, then that error.
 */
type Expected = 'answer' | 'tools' | ErrorCode | { final: ErrorCode; status: number } | { after: ErrorCode };
type Case = { plain?: Expected; stream?: Expected };

const both = (expected: Expected): Case => ({ plain: expected, stream: expected });
const onlyStream = (expected: Expected): Case => ({ stream: expected });

const CASES: Record<BehaviourName, Case> = {
  good: both('answer'),
  tools: both('tools'),
  'reset before headers': both('upstream_interrupted'),
  'close before headers': both('upstream_interrupted'),
  'stall before headers': { plain: 'upstream_total_timeout', stream: 'upstream_first_byte_timeout' },
  'stall after headers': { plain: 'upstream_idle_timeout', stream: 'upstream_first_byte_timeout' },
  'stall after the role chunk': onlyStream('upstream_first_byte_timeout'),
  'stall mid-answer': { plain: 'upstream_idle_timeout', stream: { after: 'upstream_idle_timeout' } },
  'stall mid-chunk': onlyStream({ after: 'upstream_idle_timeout' }),
  'stall mid-character': onlyStream({ after: 'upstream_idle_timeout' }),
  'reset mid-answer': { plain: 'upstream_interrupted', stream: { after: 'upstream_interrupted' } },
  'close mid-answer': { plain: 'upstream_interrupted', stream: { after: 'upstream_interrupted' } },
  'half a chunk, then a close': onlyStream({ after: 'upstream_interrupted' }),
  'half a chunk before content, then a close': onlyStream('upstream_invalid_response'),
  'clean close without finish_reason': onlyStream({ after: 'upstream_interrupted' }),
  'role chunk, then a clean close': onlyStream('upstream_interrupted'),
  '[DONE] without finish_reason': onlyStream('answer'),
  'no [DONE]': onlyStream('answer'),
  'empty stream': onlyStream('upstream_invalid_response'),
  '[DONE] alone': onlyStream('upstream_invalid_response'),
  'empty body 200': both('upstream_invalid_response'),
  'HTML 200': both('upstream_invalid_response'),
  'HTML 502': both('upstream_error'),
  'invalid JSON 200': both('upstream_invalid_response'),
  'JSON without choices 200': both('upstream_invalid_response'),
  'no choice 200': both('upstream_invalid_response'),
  'error body 200': both('upstream_error'),
  'redirect 302': both('upstream_invalid_response'),
  'envelope 400': both({ final: 'upstream_refused', status: 400 }),
  'context too long 400': both('context_length_exceeded'),
  'text 400': both('upstream_error'),
  'envelope 401': both('upstream_rejected_key'),
  'envelope 404': both('upstream_error'),
  'envelope 429': both('upstream_rate_limited'),
  'envelope 429 without retry-after': both('upstream_rate_limited'),
  'envelope 500': both('upstream_error'),
  'envelope 529': both('upstream_error'),
  'envelope 529 with retry-after': both('upstream_error'),
  'error event before content': onlyStream('upstream_error'),
  'named error event before content': onlyStream('upstream_error'),
  'error event after content': onlyStream({ after: 'upstream_error' }),
  'an event that is not JSON, after content': onlyStream({ after: 'upstream_invalid_response' }),
  'pings and comments': onlyStream('answer'),
  'CRLF and no space after the colon': onlyStream('answer'),
  'a chunk without choices': onlyStream('answer'),
  'missing role': onlyStream('answer'),
  'missing index of the choice': onlyStream('answer'),
  'a chunk after the finish_reason': onlyStream('answer'),
  'JSON answer to a stream request': onlyStream('answer'),
  'no usage': both('answer'),
  'split at every byte': both('answer'),
  'everything in one write': onlyStream('answer'),
  'tool delta without index, id and type': onlyStream('tools'),
  'tool arguments as an object': onlyStream('tools'),
};

const rows = Object.entries(CASES).flatMap(([name, { plain, stream }]) => [
  ...(plain ? [{ name: name as BehaviourName, form: 'plain', isStream: false, expected: plain }] : []),
  ...(stream ? [{ name: name as BehaviourName, form: 'streamed', isStream: true, expected: stream }] : []),
]);

let first: FaultyUpstream;
let second: FaultyUpstream;

beforeAll(async () => {
  // The encoder loads for a third of a second; limits this short must not count it.
  warmUp();
  [first, second] = await Promise.all([FaultyUpstream.start(), FaultyUpstream.start()]);
});
afterAll(() => Promise.all([first.close(), second.close()]));

const expectAnswer = (reply: RawReply, isStream: boolean, kind: 'answer' | 'tools', from: FaultyUpstream) => {
  expect(reply.status).toBe(200);
  if (!isStream) {
    expect(reply.headers['content-type']).toBe('application/json');
    const { id, choices, usage } = JSON.parse(reply.text);
    expect(id).toBe(from.last.id);
    expect(choices[0].finish_reason).toBe(kind === 'tools' ? 'tool_calls' : 'stop');
    if (kind === 'answer') expect(choices[0].message.content).toBe(ANSWER);
    else expect(JSON.parse(choices[0].message.tool_calls[0].function.arguments)).toEqual(JSON.parse(TOOL_ARGUMENTS));
    expect(usage.total_tokens).toBeGreaterThan(0);
    return;
  }
  expect(reply.headers['content-type']).toBe('text/event-stream; charset=utf-8');
  const answer = readAnswer(reply);
  expect(answer.isDone).toBe(true);
  expect(answer.errors).toEqual([]);
  expect(answer.usage).toEqual([]);
  expect(answer.finishReasons).toEqual([kind === 'tools' ? 'tool_calls' : 'stop']);
  expect(answer.chunks.every(({ choices }) => Array.isArray(choices))).toBe(true);
  const [start] = answer.chunks.flatMap(({ choices }) => choices);
  expect(start?.delta.role).toBe('assistant');
  expect(answer.chunks.flatMap(({ choices }) => choices).every(({ index }) => index === 0)).toBe(true);
  if (kind === 'answer') {
    expect(answer.text).toBe(ANSWER);
    return;
  }
  expect(answer.tools.every(({ index }) => Number.isInteger(index))).toBe(true);
  const [head] = answer.tools;
  expect(head).toMatchObject({ index: 0, type: 'function', function: { name: 'get_weather' } });
  expect(head?.id).toMatch(/^call_/);
  const fragments = answer.tools.filter(({ index }) => index === 0).map((call) => call.function?.arguments ?? '');
  expect(JSON.parse(fragments.join(''))).toEqual(JSON.parse(TOOL_ARGUMENTS));
};

const expectError = (reply: RawReply, code: ErrorCode, status: number) => {
  expect(reply.status).toBe(status);
  expect(reply.headers['content-type']).toBe('application/json');
  expect(reply.headers['x-request-id']).toMatch(/^req_/);
  const { error } = JSON.parse(reply.text);
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type']);
  if (code !== 'upstream_refused' && code !== 'context_length_exceeded') expect(error.code).toBe(code);
  expect(reply.text).not.toContain('sk-secret');
};

const expectCutStream = (reply: RawReply, code: ErrorCode) => {
  expect(reply.status).toBe(200);
  const answer = readAnswer(reply);
  expect(answer.text).not.toBe('');
  expect(ANSWER.startsWith(answer.text)).toBe(true);
  expect(answer.errors.map((error) => error.code)).toEqual([code]);
  expect(JSON.parse(reply.events.at(-1) ?? '').error.code).toBe(code);
  expect(reply.events).not.toContain('[DONE]');
};

/** The one entry of the request, which must count what the upstreams counted. */
const expectEntry = async (gateway: TestGateway, count: number, reply: RawReply, upstreams: FaultyUpstream[]) => {
  const entry = (await gateway.untilEntries(count)).at(-1)!;
  expect(entry.id).toBe(reply.headers['x-request-id']);
  const sum = (key: 'promptTokens' | 'completionTokens') =>
    upstreams.reduce((all, { produced }) => all + produced[key], 0);
  expect({ prompt: entry.tokens.promptTokens, completion: entry.tokens.completionTokens }).toEqual({
    prompt: sum('promptTokens'),
    completion: sum('completionTokens'),
  });
  return entry;
};

describe.each(['single', 'fallback'] as const)('with %s upstream', (setup) => {
  const route = { difficulty: undefined, tier: 'small', fallback: setup === 'single' ? 'none' : 'up' };
  let gateway: TestGateway;
  // One for each test: what an upstream did to one request must not count against it in the next.
  afterEach(() => gateway.close());

  test.each(rows)('$name, $form: one answer or one error, one ledger entry', async ({ name, isStream, expected }) => {
    first.forget();
    second.forget();
    first.script(behaviours[name]);
    // The other upstream answers in kind, so that whose answer it is shows.
    second.always(expected === 'tools' ? behaviours.tools : behaviours.good);
    // Only what stalls meets short limits: on a busy machine anything else may take its time.
    const timeouts = name.startsWith('stall') ? SHORT_TIMEOUTS : LONG_TIMEOUTS;
    gateway = await startGateway({
      routes: twoTierRoutes({ small: first.url, large: second.url }, { route, timeouts }),
    });
    const reply = await chat(gateway.url, { stream: isStream });
    const entry = await expectEntry(gateway, 1, reply, [first, second]);
    expect(first.calls).toHaveLength(1);

    if (expected === 'answer' || expected === 'tools') {
      expectAnswer(reply, isStream, expected, first);
      expect(entry).toMatchObject({ outcome: 'ok', upstream: 'up-small', status: 200, errorCode: null });
      expect(second.calls).toHaveLength(0);
    } else if (typeof expected === 'object' && 'after' in expected) {
      expectCutStream(reply, expected.after);
      expect(entry).toMatchObject({ outcome: 'error', upstream: 'up-small', errorCode: expected.after });
      expect(entry.tokens.completionTokens).toBeGreaterThan(0);
      expect(second.calls).toHaveLength(0);
    } else if (typeof expected === 'object') {
      expectError(reply, expected.final, expected.status);
      expect(entry).toMatchObject({ outcome: 'error', status: expected.status, errorCode: expected.final });
      expect(second.calls).toHaveLength(0);
    } else if (setup === 'single') {
      expectError(reply, expected, ERROR_CODES[expected].status);
      expect(entry).toMatchObject({ outcome: 'error', status: ERROR_CODES[expected].status, errorCode: expected });
      expect(second.calls).toHaveLength(0);
    } else {
      expectAnswer(reply, isStream, 'answer', second);
      expect(reply.headers['x-rightsize-tier']).toBe('large');
      expect(reply.headers['x-rightsize-attempts']).toBe('2');
      expect(reply.headers['x-rightsize-reason']).toContain(`up-small failed: ${expected}; answered by large`);
      expect(entry).toMatchObject({ outcome: 'ok', upstream: 'up-large', status: 200 });
      expect(entry.attempts.map(({ outcome, errorCode }) => [outcome, errorCode])).toEqual([
        ['error', expected],
        ['ok', null],
      ]);
    }
    await Promise.all([first.untilIdle(), second.untilIdle()]);
  });
});

describe('an upstream that refuses connections', () => {
  test.each([false, true])('is an error in the envelope, or another answers (stream: %s)', async (isStream) => {
    const refused = CLOSED_URL;
    second.always(behaviours.good);
    for (const fallback of ['none', 'up']) {
      second.forget();
      const route = { difficulty: undefined, tier: 'small', fallback };
      const routes = twoTierRoutes({ small: refused, large: second.url }, { route });
      const gateway = await startGateway({ routes });
      try {
        const reply = await chat(gateway.url, { stream: isStream });
        if (fallback === 'none') expectError(reply, 'upstream_unreachable', 502);
        else expectAnswer(reply, isStream, 'answer', second);
        await expectEntry(gateway, 1, reply, [second]);
      } finally {
        await gateway.close();
      }
    }
  });
});

test('when every upstream fails, the client gets one error and the ledger one entry with every attempt', async () => {
  const route = { difficulty: undefined, tier: 'small' };
  const gateway = await startGateway({
    routes: twoTierRoutes({ small: first.url, large: second.url }, { route }),
  });
  try {
    first.script(behaviours['envelope 500']);
    second.script(behaviours['envelope 429']);
    const reply = await chat(gateway.url, { stream: true });
    expectError(reply, 'upstream_rate_limited', 429);
    expect(reply.headers['retry-after']).toBe('7');
    const [entry] = await gateway.untilEntries(1);
    expect(entry).toMatchObject({ outcome: 'error', status: 429, errorCode: 'upstream_rate_limited' });
    expect(entry?.attempts.map(({ upstream, upstreamStatus }) => [upstream, upstreamStatus])).toEqual([
      ['up-small', 500],
      ['up-large', 429],
    ]);
  } finally {
    await gateway.close();
  }
});
