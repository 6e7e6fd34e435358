import { createHash } from 'node:crypto';
import { messageText } from '../contract/chat-request.ts';
import type { ChatCompletionRequest } from '../contract/openai.ts';

/** What a conversation has been given so far. `rank` counts tiers from 0, the weakest. */
export type SessionState = { rank: number; upstream: string; model: string };

/** Port: sessions by key, forgotten some time after their last answer. Keys hold the tenant. */
export interface SessionStore {
  get(key: string): Promise<SessionState | null>;
  set(key: string, state: SessionState, ttlMs: number): Promise<void>;
}

export type SessionFacts = {
  key: string;
  /** The conversation has been answered before: only then does what it was given count. */
  isUnderWay: boolean;
  /** Its last messages are tool results: the model that asked for them must read them. */
  isToolLoop: boolean;
};

/**
 * The session of a request: named by `x-rightsize-session`, else by `prompt_cache_key`, else that of the response it goes
 * on from, else known by what does not change as a conversation grows: its system prompt and first user message. Two
 * tenants never share one.
 * @param chain key of the session of the response it goes on from, which is of the same team.
 */
export const sessionOf = (
  body: ChatCompletionRequest,
  team: string,
  header: string | string[] | undefined,
  chain: string | null = null,
): SessionFacts => {
  const named = header ?? body['prompt_cache_key'];
  const identity =
    typeof named === 'string' && named !== ''
      ? ['named', named]
      : ['first', textOf(body, ['system', 'developer']), textOf(body, ['user'])];
  return {
    key:
      (typeof named === 'string' ? null : chain) ??
      createHash('sha256')
        .update(JSON.stringify([team, ...identity]))
        .digest('hex'),
    isUnderWay: body.messages.some(({ role }) => role === 'assistant'),
    isToolLoop: ['tool', 'function'].includes(body.messages.at(-1)?.role ?? ''),
  };
};

const textOf = ({ messages }: ChatCompletionRequest, roles: string[]): string => {
  const message = messages.find(({ role }) => roles.includes(role));
  return message === undefined ? '' : messageText(message.content);
};
