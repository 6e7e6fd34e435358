import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../src/contract/errors.ts';
import type { NativeReader } from '../../src/contract/native-form.ts';
import { readNativeStream } from '../../src/upstreams/read-native.ts';

/** A wire format of three words: `say` adds text, `end` ends, `oops` fails; anything else means nothing. */
const reader: NativeReader = {
  read(_event, data) {
    const chunk = (delta: { content?: string }, finish_reason: string | null = null) => ({
      id: 'n',
      object: 'chat.completion.chunk' as const,
      created: 1,
      model: 'm',
      choices: [{ index: 0, delta, finish_reason }],
    });
    if (typeof data['say'] === 'string') return { kind: 'chunk', chunk: chunk({ content: data['say'] }) };
    if (data['end'] === true) return { kind: 'chunk', chunk: chunk({}, 'stop'), isLast: true };
    if (data['oops'] !== undefined) return { kind: 'failure', text: JSON.stringify({ error: data['oops'] }) };
    return { kind: 'nothing' };
  },
};

const HELLO =
  'event: word\ndata: {"say":"hé","n": 1e400}\n\n: a comment\n\ndata: {"say":\ndata: "☃"}\n\nevent: x\ndata: {"odd":1}\n\n';
const END = 'event: over\ndata: { "end" : true }\n\n';

async function* inPieces(text: string, size: number) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const collect = async (bytes: AsyncIterable<Uint8Array>) => {
  const parts = [];
  for await (const batch of readNativeStream('up', bytes, reader)) parts.push(...batch);
  return parts;
};

const failureOf = (text: string) =>
  collect(inPieces(text, 7)).then(
    () => null,
    (error: unknown) => (error instanceof GatewayError ? error : null),
  );

describe('a stream in the client’s own wire format', () => {
  test.each([1, 2, 3, 1000])('keeps every event to the letter, cut into pieces of %i bytes', async (size) => {
    const parts = await collect(inPieces(HELLO + END, size));
    expect(parts.map(({ native }) => native)).toEqual([
      'event: word\ndata: {"say":"hé","n": 1e400}\n\n',
      'data: {"say":\ndata: "☃"}\n\n',
      END,
    ]);
    expect(parts.map(({ chunk }) => chunk.choices[0]?.delta.content ?? '').join('')).toBe('hé☃');
  });

  test('is over with its last event, whatever follows', async () => {
    const parts = await collect(inPieces(`${HELLO}${END}data: {"say":"more"}\n\ndata: [DONE]\n\n`, 1000));
    expect(parts).toHaveLength(3);
  });

  test.each([
    ['that stops before its end', HELLO, 'upstream_interrupted'],
    ['without any event', ': nothing\n\n', 'upstream_invalid_response'],
    ['that is not JSON', `${HELLO}data: <html>\n\n`, 'upstream_invalid_response'],
    ['that says it failed', `${HELLO}data: {"oops":{"message":"overloaded"}}\n\n`, 'upstream_error'],
  ])('%s is an error', async (_, text, code) => {
    expect(await failureOf(text)).toMatchObject({ code, isRetryable: true });
  });

  test('says in which words the upstream failed', async () => {
    expect((await failureOf('data: {"oops":{"message":"overloaded"}}\n\n'))?.message).toContain('overloaded');
  });
});
