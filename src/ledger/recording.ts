import type { ChatCompletion, ChatCompletionRequest } from '../contract/openai.ts';
import { maskSecretsIn } from '../lib/mask-secrets.ts';

/** A request and its complete answer, kept because the route says `record: prompts`. Texts have no known shape of secret. */
export type Recording = {
  /** The ledger entry's id. */
  id: string;
  /** Unix milliseconds of arrival. */
  at: number;
  expiresAt: number;
  team: string;
  keyId: string | null;
  route: string;
  tier: string;
  upstream: string;
  model: string;
  difficulty: number | null;
  /** A weaker model was asked first, and was not sure enough. */
  isEscalated: boolean;
  /** As chat completions say it, whatever the wire format: messages, tools, and what changes the answer. */
  request: Record<string, unknown>;
  /** The answer's first message. */
  answer: Record<string, unknown>;
};

/** Port: where recordings are kept. `keep` may refuse one that is too large: false then. */
export interface Recordings {
  keep(recording: Recording): Promise<boolean>;
  close(): Promise<void>;
}

/** What may name a person or an account and changes no answer. */
const LEFT_OUT = new Set([
  ...['model', 'stream', 'stream_options', 'metadata', 'user', 'safety_identifier', 'prompt_cache_key', 'store'],
  ...['service_tier', 'logprobs', 'top_logprobs'],
]);

/** What of a request and its answer is kept; null for an answer without a message. */
export const recordedTexts = (
  body: ChatCompletionRequest,
  { choices }: Pick<ChatCompletion, 'choices'>,
): Pick<Recording, 'request' | 'answer'> | null => {
  const [first] = choices;
  if (first === undefined) return null;
  const kept = Object.entries(body).filter(([key, value]) => !LEFT_OUT.has(key) && value != null);
  return {
    request: maskSecretsIn(Object.fromEntries(kept)) as Record<string, unknown>,
    answer: maskSecretsIn(first.message) as Record<string, unknown>,
  };
};
