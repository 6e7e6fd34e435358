import { describe, expect, test } from 'vitest';
import type { GatewayError } from '../../src/contract/errors.ts';
import type { StreamPart } from '../../src/contract/stream-part.ts';
import { readStream } from '../../src/upstreams/read-stream.ts';

const chunk = (delta: object, finish_reason: string | null = null, extra: object = {}) => ({
  id: 'c',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason, ...extra }],
});
const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;

async function* split(bytes: Buffer, sizes: number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] as number;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const read = async (text: string | Buffer, sizes = [1_000_000]): Promise<StreamPart[]> => {
  const parts: StreamPart[] = [];
  for await (const batch of readStream('up', split(Buffer.from(text), sizes), () => 0)) parts.push(...batch);
  return parts;
};

const failureOf = (text: string | Buffer): Promise<GatewayError> =>
  read(text).then(
    () => {
      throw new Error('expected a failure');
    },
    (error: GatewayError) => error,
  );

const whole =
  event(chunk({ role: 'assistant', content: '' })) +
  ['né', ' ☃', ' 🙂', '漢字'].map((content) => event(chunk({ content }))).join('') +
  event(chunk({}, 'stop')) +
  event({ ...chunk({}), choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }) +
  'data: [DONE]\n\n';

describe('a sound stream', () => {
  test('is the same whatever its bytes are split into, and every chunk keeps its text', async () => {
    const expected = whole
      .split('\n\n')
      .slice(0, -2)
      .map((line) => line.slice('data: '.length));
    for (const sizes of [[1_000_000], [1], [2], [3], [7, 1, 1], [64, 1], [1, 100]]) {
      expect((await read(whole, sizes)).map(({ text }) => text)).toEqual(expected);
    }
  });

  test('may be split in two at any byte', async () => {
    const bytes = Buffer.from(whole);
    for (let at = 1; at < bytes.length; at++) {
      const text = (await read(whole, [at, bytes.length]))
        .flatMap(({ chunk: { choices } }) => choices[0]?.delta.content ?? [])
        .join('');
      expect(text).toBe('né ☃ 🙂漢字');
    }
  });

  test.each([
    ['CRLF', whole.replaceAll('\n', '\r\n')],
    ['lone CR', whole.replaceAll('\n', '\r')],
    ['no space after the colon', whole.replaceAll('data: ', 'data:')],
    ['a byte order mark', `\ufeff${whole}`],
    [
      'comments, pings, ids and retries between',
      whole.replaceAll('\n\n', '\n\n: x\n\nevent: ping\ndata: {}\n\nid: 1\n\nretry: 5\n\nevent: ping\n\n'),
    ],
    ['words after [DONE]', `${whole}data: nonsense\n\n`],
    ['[DONE] with a space', whole.replace('[DONE]', '[DONE] ')],
    ['no [DONE]', whole.replace('data: [DONE]\n\n', '')],
  ])('may have %s', async (_, text) => {
    const parts = await read(text, [5]);
    expect(parts).toHaveLength(7);
    expect(parts.map(({ chunk: { choices } }) => choices[0]?.delta.content ?? '').join('')).toBe('né ☃ 🙂漢字');
  });

  test('that says [DONE] without a finish_reason gets one for each open choice', async () => {
    const text = `${event(chunk({ content: 'a' }))}${event(chunk({ content: 'b' }, null, { index: 1 }))}data: [DONE]\n\n`;
    const parts = await read(text);
    expect(
      parts.slice(2).flatMap((part) => part.chunk.choices.map((choice) => [choice.index, choice.finish_reason])),
    ).toEqual([
      [0, 'stop'],
      [1, 'stop'],
    ]);
  });
});

describe('a stream that fails', () => {
  const begun = event(chunk({ role: 'assistant', content: 'a' }));
  test.each([
    ['that is empty', '', 'upstream_invalid_response'],
    ['of comments alone', ': a\n\n: b\n\n', 'upstream_invalid_response'],
    ['of [DONE] alone', 'data: [DONE]\n\n', 'upstream_invalid_response'],
    ['that stops', begun, 'upstream_interrupted'],
    ['that stops in the middle of an event', `${begun}data: {"id"`, 'upstream_interrupted'],
    [
      'with one choice of two unfinished',
      `${event(chunk({}, 'stop'))}${event(chunk({ content: 'a' }, null, { index: 1 }))}`,
      'upstream_interrupted',
    ],
    ['with words in place of JSON', `${begun}data: oops\n\n`, 'upstream_invalid_response'],
    ['with a list in place of a chunk', `${begun}data: []\n\n`, 'upstream_invalid_response'],
    ['with an error object', `${begun}${event({ error: { message: 'on fire' } })}`, 'upstream_error'],
    ['with an error text', `${begun}${event({ error: 'on fire' })}`, 'upstream_error'],
    ['with a named error', `${begun}event: error\ndata: {"message":"on fire"}\n\n`, 'upstream_error'],
    ['with an event beyond 16 MiB', `${begun}data: ${'x'.repeat(17 * 1024 * 1024)}`, 'upstream_invalid_response'],
  ])('%s throws %s', async (_, text, code) => {
    expect(await failureOf(text)).toMatchObject({ code, isRetryable: true });
  });

  test('yields what came before the failure', async () => {
    const parts: StreamPart[] = [];
    const reading = async () => {
      for await (const batch of readStream('up', split(Buffer.from(begun + event({ error: 'x' })), [1_000]), () => 0))
        parts.push(...batch);
    };
    await expect(reading()).rejects.toMatchObject({ code: 'upstream_error' });
    expect(parts).toHaveLength(1);
  });
});

describe('what official clients break on is mended', () => {
  const repaired = async (...values: object[]) => {
    const parts = await read(`${values.map(event).join('')}data: [DONE]\n\n`);
    return parts.map(({ text }) => JSON.parse(text));
  };
  const tools = (...calls: object[]) => chunk({ role: 'assistant', tool_calls: calls });

  test('a missing role, once', async () => {
    const chunks = await repaired(chunk({ content: 'a' }), chunk({ content: 'b' }, 'stop'));
    expect(chunks.map(({ choices }) => choices[0].delta)).toEqual([
      { content: 'a', role: 'assistant' },
      { content: 'b' },
    ]);
  });

  test('missing choices, index and delta', async () => {
    const chunks = await repaired(
      chunk({ content: 'a' }),
      { id: 'c' },
      { choices: [{ delta: { content: 'b' } }] },
      { choices: [{ index: 0, finish_reason: 'stop' }] },
    );
    expect(chunks[1].choices).toEqual([]);
    expect(chunks[2].choices[0].index).toBe(0);
    expect(chunks[3].choices[0].delta).toEqual({});
  });

  test('tool calls without index are told apart by id and by name, and what follows goes to the last', async () => {
    const chunks = await repaired(
      tools({ id: 'a', type: 'function', function: { name: 'f', arguments: '{' } }),
      tools({ function: { arguments: '}' } }),
      tools({ id: 'b', type: 'function', function: { name: 'g', arguments: '' } }),
      tools({ id: 'b', function: { arguments: '{}' } }),
      tools({ function: { name: 'h', arguments: { x: 1 } } }),
      chunk({}, 'tool_calls'),
    );
    const calls = chunks.slice(0, 5).map(({ choices }) => choices[0].delta.tool_calls[0]);
    expect(calls.map(({ index }) => index)).toEqual([0, 0, 1, 1, 2]);
    expect(calls[4]).toMatchObject({
      id: expect.stringMatching(/^call_/),
      type: 'function',
      function: { name: 'h', arguments: '{"x":1}' },
    });
  });

  test('several tool calls of one chunk without index or id get their own', async () => {
    const [first] = await repaired(
      tools({ function: { name: 'f', arguments: '{}' } }, { function: { name: 'g', arguments: '{}' } }),
      chunk({}, 'tool_calls'),
    );
    const calls: { index: number; id: string; type: string }[] = first.choices[0].delta.tool_calls;
    expect(calls.map(({ index }) => index)).toEqual([0, 1]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
  });

  test('a second finish_reason is not invented for a choice that has one', async () => {
    const chunks = await repaired(chunk({ content: 'a' }), chunk({}, 'stop'), chunk({}));
    expect(chunks.flatMap(({ choices }) => choices[0].finish_reason ?? [])).toEqual(['stop']);
  });
});
