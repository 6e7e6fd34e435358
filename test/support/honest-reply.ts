import { type RawReply, readAnswer } from './chat-client.ts';

/** What a client can make of a reply: a whole answer, an error in its place, or an answer that an error breaks off. */
export type Seen =
  | { kind: 'answer'; upstream: string; text: string }
  | { kind: 'error'; status: number; code: string | null }
  | { kind: 'broken'; upstream: string; text: string; code: string | null };

/**
 * Reads a reply as a strict client does. `answers` is the whole answer of each upstream, by its name; no two of them
 * share a word, so that a splice shows.
 * @throws Error that names what is wrong with any other reply: neither an answer nor an error, or something of both.
 */
export const readHonestly = (reply: RawReply, isStream: boolean, answers: Readonly<Record<string, string>>): Seen => {
  const type = String(reply.headers['content-type']);
  if (reply.status !== 200) {
    if (type !== 'application/json') throw new Error(`an error of type ${type}`);
    return { kind: 'error', status: reply.status, code: codeIn(reply.text) };
  }
  const upstream = String(reply.headers['x-rightsize-upstream']);
  const answer = answers[upstream];
  if (answer === undefined) throw new Error(`an answer of ${upstream}, which is no upstream`);
  if (!isStream) {
    const { choices, error } = JSON.parse(reply.text);
    if (error !== undefined) throw new Error('an error with status 200');
    const [{ message, finish_reason }] = choices;
    if (finish_reason !== 'stop') throw new Error(`an answer that ended with ${finish_reason}`);
    if (message.content !== answer) throw new Error(`not the answer of ${upstream}: ${message.content}`);
    return { kind: 'answer', upstream, text: message.content };
  }
  if (!type.startsWith('text/event-stream')) throw new Error(`a stream of type ${type}`);
  const { text, errors, finishReasons, isDone } = readAnswer(reply);
  if (isDone && errors.length === 0) {
    if (text !== answer) throw new Error(`not the answer of ${upstream}: ${text}`);
    if (finishReasons.join() !== 'stop') throw new Error(`an answer that ended with "${finishReasons.join()}"`);
    return { kind: 'answer', upstream, text };
  }
  if (isDone) throw new Error('an error, and yet [DONE]');
  if (errors.length !== 1) throw new Error(`a stream that just ends, with ${errors.length} errors`);
  if (text === '') throw new Error('an error inside a stream that had not begun');
  if (!isBeginningOf(text, answer)) throw new Error(`not the words of ${upstream}: ${text}`);
  return { kind: 'broken', upstream, text, code: codeIn(reply.events.at(-1) ?? '') };
};

/** Whether a text is the beginning of an answer, which an endless stream says over and over. */
export const isBeginningOf = (text: string, answer: string): boolean =>
  answer.repeat(Math.ceil(text.length / answer.length)).startsWith(text);

/** The code of an error envelope. @throws Error when it is none. */
const codeIn = (text: string): string | null => {
  const { error } = JSON.parse(text);
  const keys = Object.keys(error ?? {})
    .sort()
    .join();
  if (keys !== 'code,message,param,type') throw new Error(`no error envelope: ${text}`);
  return error.code;
};
