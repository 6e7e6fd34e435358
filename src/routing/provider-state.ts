import type { ChatRequest } from '../contract/chat-request.ts';
import type { SessionState } from './session.ts';

/** Where something lives that only its maker can read. */
export type Home = Pick<SessionState, 'upstream' | 'model'>;

/**
 * The upstream that must answer because the request carries what it alone can read: the one that holds the response it
 * goes on from, else the one that has answered the conversation so far. Null where any will do, or nobody knows.
 */
export const homeOf = (request: ChatRequest, known: SessionState | null): Home | null =>
  request.chain?.home ?? (known !== null && isBound(request) ? known : null);

/**
 * Whether a request carries ids or ciphers of one provider: files by their id
 * (https://platform.openai.com/docs/guides/pdf-files), encrypted reasoning
 * (https://openrouter.ai/docs/use-cases/reasoning-tokens).
 */
export const isBound = ({ body, native }: ChatRequest): boolean =>
  native?.isBound === true ||
  body.messages.some(({ content, reasoning_details }) => hasFileId(content) || hasCipher(reasoning_details));

const hasFileId = (content: unknown): boolean =>
  Array.isArray(content) &&
  content.some(
    (part: { type?: string; file?: { file_id?: unknown } }) => part.type === 'file' && part.file?.file_id != null,
  );

const hasCipher = (details: unknown): boolean =>
  Array.isArray(details) && details.some((detail: { type?: string }) => detail?.type === 'reasoning.encrypted');
