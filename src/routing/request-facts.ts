import { type ChatRequest, countParts, messageText, wantsJson } from '../contract/chat-request.ts';
import type { NativeForm } from '../contract/native-form.ts';
import { detectLanguage } from './detect-language.ts';
import type { Capability } from './routing-table.ts';

/** What rules and gates ask about a request. */
export type RequestFacts = {
  needs: ReadonlySet<Capability>;
  hasSystem: boolean;
  /** Estimated at four characters a token; exact counts come from the upstream's usage. */
  promptTokens: number;
  /** The most tokens the client lets the answer have; null when it set no limit. */
  answerTokens: number | null;
  /** Of the last user message (ISO 639-1); null when it cannot be told, or no rule asks. */
  language: string | null;
  /** The wire format it came in, where that is not chat, and what of it chat cannot say. */
  native: Pick<NativeForm, 'api' | 'need'> | null;
};

const CHARACTERS_PER_TOKEN = 4;
/** OpenAI's base price of an image in tokens (https://platform.openai.com/docs/guides/images-vision). */
const TOKENS_PER_IMAGE = 85;

/** @param language as `RequestFacts.language`. */
export const factsOf = ({ body, native }: ChatRequest, language: string | null): RequestFacts => {
  const needs = new Set<Capability>();
  const images = countParts(body, 'image_url');
  const hasTools = (body.tools?.length ?? 0) > 0 || (body.functions?.length ?? 0) > 0;
  const usesTools = body.messages.some(({ role, tool_calls }) => role === 'tool' || (tool_calls?.length ?? 0) > 0);
  if (hasTools || usesTools) needs.add('tools');
  if (images > 0 || countParts(body, 'file') > 0) needs.add('images');
  if (countParts(body, 'input_audio') > 0 || body.modalities?.includes('audio')) needs.add('audio');
  if (wantsJson(body)) needs.add('json');
  const characters = body.messages.reduce((sum, { content }) => sum + messageText(content).length, 0);
  const toolCharacters = hasTools ? JSON.stringify(body.tools ?? body.functions).length : 0;
  return {
    needs,
    hasSystem: body.messages.some(({ role }) => role === 'system' || role === 'developer'),
    promptTokens: Math.ceil((characters + toolCharacters) / CHARACTERS_PER_TOKEN) + images * TOKENS_PER_IMAGE,
    answerTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
    language,
    native: native ?? null,
  };
};

/** The language of the last user message; null where it has none that can be told. */
export const languageOf = ({ body }: ChatRequest): Promise<string | null> => {
  const last = body.messages.findLast(({ role }) => role === 'user');
  return last === undefined ? Promise.resolve(null) : detectLanguage(messageText(last.content));
};
