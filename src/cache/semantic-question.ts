import { createHash } from 'node:crypto';
import type { ChatRequest } from '../contract/chat-request.ts';
import { type CacheScope, cachePlace } from './cache-key.ts';
import { factsOfQuestion, type QuestionFacts } from './question-facts.ts';
import type { SemanticPartition } from './semantic-store.ts';

/** The last user message of a request, and where questions are that differ from the request in nothing else. */
export type SemanticQuestion = {
  partition: SemanticPartition;
  text: string;
  facts: QuestionFacts;
};

/** Longer texts are seldom one question, and models of sentences read only their beginning. */
const MAX_CHARACTERS = 1_000;
/** Integers that `canonicalText` reads from the request's own text. */
const LONG_NUMBER = /\d{16}/;

/**
 * What of a request may be compared by meaning: its last message where that is the user's and text alone. Null for
 * requests with tools, images, audio or files, for texts that are too long, and for those that end otherwise.
 */
export const semanticQuestion = (
  scope: CacheScope,
  { body, text: raw }: Pick<ChatRequest, 'body' | 'text'>,
): SemanticQuestion | null => {
  const { messages, tools, functions } = body;
  const last = messages.at(-1);
  if (last?.role !== 'user' || (tools?.length ?? 0) + (functions?.length ?? 0) > 0) return null;
  if (body['audio'] != null || body['modalities'] != null || body['web_search_options'] != null) return null;
  if (messages.some(({ content }) => Array.isArray(content) && content.some(({ type }) => type !== 'text')))
    return null;
  const text = textOf(last.content);
  if (text.trim() === '' || text.length > MAX_CHARACTERS || LONG_NUMBER.test(raw)) return null;
  const rest = { ...body, messages: [...messages.slice(0, -1), { ...last, content: '' }] };
  const { key } = cachePlace(scope, { body: rest, text: '' });
  return {
    partition: {
      id: createHash('sha256').update(`question\0${key}`).digest('hex'),
      team: scope.team,
      route: scope.route,
    },
    text,
    facts: factsOfQuestion(text),
  };
};

const textOf = (content: ChatRequest['body']['messages'][number]['content']): string =>
  typeof content === 'string' ? content : (content ?? []).map((part) => part.text ?? '').join('\n');
