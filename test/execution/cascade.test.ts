import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Behaviour, FaultyUpstream, good, type UpstreamCall } from '../support/faulty-upstream.ts';
import { startGateway, type TestGateway, twoTierRoutes } from '../support/start-gateway.ts';

/** The small tier streams words with a certainty each; the large one answers well. */
let small: FaultyUpstream;
let large: FaultyUpstream;
let gateway: TestGateway;

const scored = (call: UpstreamCall, text: string, probability: number): void => {
  const logprob = Math.log(probability);
  const rest = Math.log(1 - probability);
  const content = [{ token: text, logprob, bytes: null, top_logprobs: [{ logprob }, { logprob: rest }] }];
  call.spend(text);
  call.event(call.chunk([{ index: 0, delta: { content: text }, logprobs: { content }, finish_reason: null }]));
};

const answering =
  (words: string[], probabilities: number[], finish = 'stop'): Behaviour =>
  (call) => {
    call.open();
    call.role();
    words.forEach((word, index) => {
      scored(call, word, probabilities[index % probabilities.length] as number);
    });
    call.finish(finish);
    call.done();
  };

const WORDS = Array.from({ length: 30 }, (_, index) => `word${index} `);

beforeEach(async () => {
  small = await FaultyUpstream.start();
  large = await FaultyUpstream.start();
});
afterEach(async () => {
  await gateway.close();
  await small.close();
  await large.close();
});

const start = async (escalate: object = {}) => {
  gateway = await startGateway({
    routes: twoTierRoutes({ small: small.url, large: large.url }, { route: { escalate } }),
  });
};

const ask = async (fields: object = {}) => {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'hi' }], ...fields }),
  });
  return {
    response,
    header: (name: string) => response.headers.get(`x-rightsize-${name}`),
    text: await response.text(),
  };
};

const contentOf = (text: string): string =>
  [...text.matchAll(/^data: (\{.*\})$/gm)]
    .map(([, json]) => JSON.parse(String(json)).choices[0]?.delta.content ?? '')
    .join('');

describe.each([true, false])('stream: %s', (stream) => {
  test('a sure answer stays, whole, without the log-probabilities that nobody asked for', async () => {
    small.always(answering(WORDS, [0.95]));
    await start();
    const { header, text } = await ask({ stream });
    expect(header('tier')).toBe('small');
    expect(header('attempts')).toBe('1');
    const content = stream ? contentOf(text) : JSON.parse(text).choices[0].message.content;
    expect(content).toBe(WORDS.join(''));
    expect(text).not.toMatch(/top_logprobs/);
    expect(large.calls).toHaveLength(0);
  });

  test('an unsure answer is broken off and the large model answers; the client sees nothing of the first', async () => {
    small.always(answering(WORDS, [0.95, 0.2]));
    large.always(good);
    await start();
    const { header, text } = await ask({ stream });
    expect(header('tier')).toBe('large');
    expect(header('attempts')).toBe('2');
    expect(header('reason')).toMatch(
      /^difficulty 0\.\d\d < 0\.55; escalated: confidence 0\.2\d < 0\.70 \(probability\.p25 0\.2\d\); answered by large$/,
    );
    expect(text).not.toContain('word0');
    const [entry] = await gateway.untilEntries(1);
    expect(entry?.attempts.map(({ outcome }) => outcome)).toEqual(['escalated', 'ok']);
    const paid = entry?.attempts.map(({ costNanoUsd }) => costNanoUsd ?? 0) ?? [];
    expect(paid.every((cost) => cost > 0)).toBe(true);
    expect(entry?.costNanoUsd).toBe(paid.reduce((sum, cost) => sum + cost, 0));
  });

  test('the bar is the route’s', async () => {
    small.always(answering(WORDS, [0.6]));
    await start({ minConfidence: 0.5 });
    expect((await ask({ stream })).header('tier')).toBe('small');
  });

  test('an upstream that tells nothing of its certainty cannot be judged, and its answer goes on', async () => {
    small.always(good);
    await start();
    expect((await ask({ stream })).header('tier')).toBe('small');
  });

  test('when the small model fails the large one answers, as without a cascade', async () => {
    small.always((call) => {
      call.response.destroy();
    });
    large.always(good);
    await start();
    const { header } = await ask({ stream });
    expect(header('tier')).toBe('large');
    expect(header('reason')).toContain('up-small failed: upstream_interrupted');
  });

  test('a client that asked for log-probabilities gets them', async () => {
    small.always(answering(WORDS, [0.95]));
    await start();
    expect((await ask({ stream, logprobs: true, top_logprobs: 2 })).text).toMatch(/top_logprobs/);
  });
});

test('a tier that the client named is not second-guessed', async () => {
  small.always(answering(WORDS, [0.1]));
  await start();
  expect((await ask({ model: 'small', stream: true })).header('tier')).toBe('small');
  expect(small.last.body['logprobs']).toBeUndefined();
});

test('the end of a sentence is enough to judge by', async () => {
  let isJudged = false;
  small.always(async (call) => {
    call.open();
    call.role();
    for (const word of ['It ', 'is ', 'all ', 'of ', 'seven ', 'or ', 'eight ', 'words. ', 'Then '])
      scored(call, word, 0.2);
    isJudged = (await call.closed) === 'cut';
  });
  large.always(good);
  await start();
  expect((await ask({ stream: true })).header('tier')).toBe('large');
  await small.last.closed;
  expect(isJudged).toBe(true);
});

test('an unsure answer that is still being written is cut off at its upstream', async () => {
  small.always(async (call) => {
    call.open();
    call.role();
    for (const word of WORDS) scored(call, word, 0.2);
    await call.closed;
  });
  large.always(good);
  await start();
  await ask({ stream: true });
  expect(await small.last.closed).toBe('cut');
});

describe('a complete plain answer is judged once more', () => {
  test.each([
    ['is empty', [' '], 'stop', {}],
    ['is a refusal', ["I'm sorry, ", 'but I cannot do that'], 'stop', {}],
    ['repeats itself', Array.from({ length: 60 }, () => 'again and '), 'stop', {}],
    ['was cut off', WORDS, 'length', {}],
    ['is not the JSON asked for', ['not json'], 'stop', { response_format: { type: 'json_object' } }],
  ] as [string, string[], string, object][])('one that %s escalates', async (fault, words, finish, fields) => {
    small.always(answering(words, [0.99], finish));
    large.always(good);
    await start();
    const { header } = await ask(fields);
    expect(header('tier')).toBe('large');
    expect(header('reason')).toContain(`escalated: the answer ${fault}`);
  });

  test('the check can be turned off', async () => {
    small.always(answering(["I'm sorry."], [0.99]));
    await start({ check: false });
    expect((await ask()).header('tier')).toBe('small');
  });

  test('a limit that the client itself set is no fault', async () => {
    small.always(answering(WORDS, [0.99], 'length'));
    await start();
    expect((await ask({ max_tokens: 30 })).header('tier')).toBe('small');
  });
});

test('a model that stalls while it is held is judged by what came, when the time to hold is over', async () => {
  small.always(async (call) => {
    call.open();
    call.role();
    for (const word of WORDS.slice(0, 3)) scored(call, word, 0.2);
    await call.closed;
  });
  large.always(good);
  await start({ maxHold: '50ms' });
  expect((await ask({ stream: true })).header('tier')).toBe('large');
  expect(await small.last.closed).toBe('cut');
});

test('a sure model that stalls goes on with what it had, and nothing is lost when it continues', async () => {
  let isSeen = () => {};
  const hasArrived = new Promise<void>((resolve) => {
    isSeen = resolve;
  });
  small.always(async (call) => {
    call.open();
    call.role();
    for (const word of WORDS.slice(0, 3)) scored(call, word, 0.95);
    await hasArrived;
    for (const word of WORDS.slice(3)) scored(call, word, 0.95);
    call.finish();
    call.done();
  });
  await start({ maxHold: '50ms' });
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'auto', stream: true, messages: [{ role: 'user', content: 'hi' }] }),
  });
  let text = '';
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    isSeen();
  }
  expect(contentOf(text)).toBe(WORDS.join(''));
  expect(response.headers.get('x-rightsize-tier')).toBe('small');
});
