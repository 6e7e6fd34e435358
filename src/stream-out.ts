import { completionToChunks } from './contract/completion-to-chunks.ts';
import { GatewayError, toGatewayError } from './contract/errors.ts';
import { FoldedAnswer } from './contract/fold-chunks.ts';
import type { Reply } from './contract/incoming.ts';
import type { ChatCompletion } from './contract/openai.ts';
import { toPart } from './contract/stream-part.ts';
import type { AnswerWriter } from './dialects/dialect.ts';
import type { Answer, Passage } from './passage.ts';
import { toComment } from './translate/client-stream.ts';
import type { PartStream } from './upstreams/upstream.ts';

/**
 * The answer on its way to the client, in the form it asked for. The ledger entry is stored before the last byte
 * leaves: a plain answer is recorded first, a stream before the event that says it is complete.
 */
export const streamOut = async (
  answer: Answer,
  isStream: boolean,
  writer: AnswerWriter,
  passage: Passage,
): Promise<Reply> => {
  if (isStream) {
    const events = eventsOf(answer, writer, passage);
    return { kind: 'stream', headers: passage.headers(answer.candidate, false), events };
  }
  if (answer.kind === 'stream') throw new Error('an upstream streamed an answer that was to be plain');
  await remember(answer, answer.completion);
  await passage.finish({ outcome: 'ok', status: 200 });
  return { kind: 'json', headers: passage.headers(answer.candidate, true), text: await writer.plain(answer) };
};

async function* eventsOf(answer: Answer, writer: AnswerWriter, passage: Passage): AsyncGenerator<string> {
  const folded = answer.remember === null ? null : new FoldedAnswer();
  const parts = answer.kind === 'stream' ? answer.parts : once(answer.completion);
  let end: { outcome: 'ok' } | { outcome: 'aborted' | 'error'; error: GatewayError } = LEFT;
  try {
    for await (const batch of parts) {
      for (const { chunk } of batch) folded?.add(chunk);
      const events = writer.events(batch);
      if (events !== '') yield events;
    }
    end = { outcome: 'ok' };
    const completion = folded?.completion();
    if (completion != null) await remember(answer, completion);
    await passage.finish({ outcome: 'ok', status: 200 });
    yield await writer.end(answer.recorder.tokens, trailer(passage));
  } catch (thrown) {
    const error = toGatewayError(thrown);
    end = { outcome: error.code === 'client_closed_request' ? 'aborted' : 'error', error };
    await passage.finish({ status: 200, ...end });
    // Something has left already: the only honest end is an error event, never a clean close.
    yield writer.fail(error);
  } finally {
    await passage.finish({ status: 200, ...end });
  }
}

const LEFT = {
  outcome: 'aborted',
  error: new GatewayError('client_closed_request', 'The client closed the connection.'),
} as const;

const trailer = (passage: Passage): string =>
  Object.entries(passage.money())
    .map(([name, value]) => toComment(`${name}: ${value}`))
    .join('');

const remember = async (answer: Answer, completion: ChatCompletion): Promise<void> => {
  const { tier, upstream, model } = answer.candidate;
  await answer.remember?.({ tier, upstream, model, completion, tokens: answer.recorder.tokens });
};

async function* once(completion: ChatCompletion): PartStream {
  yield completionToChunks(completion).map(toPart);
}
