/** The words of the wire and of routes.yaml that more than one part relies on. */
export const UPSTREAM_KINDS = [
  'openai',
  'azure',
  'anthropic',
  'gemini',
  'mistral',
  'groq',
  'together',
  'openrouter',
  'deepseek',
  'xai',
  'llama',
  'llama-server',
  'ollama',
  'lm-studio',
  'vllm',
  'mlx',
  'onnx',
  'litert',
  'apple',
  'openai-compatible',
] as const;
export type UpstreamKind = (typeof UPSTREAM_KINDS)[number];

/** The wire formats of inference that clients and upstreams speak: chat completions, OpenAI's responses, Anthropic's messages. */
export const APIS = ['chat', 'responses', 'messages'] as const;
export type Api = (typeof APIS)[number];

export const HEADERS = {
  requestId: 'x-request-id',
  idempotencyKey: 'idempotency-key',
  clientRequestId: 'x-client-request-id',
  route: 'x-rightsize-route',
  tier: 'x-rightsize-tier',
  session: 'x-rightsize-session',
  upstream: 'x-rightsize-upstream',
  model: 'x-rightsize-model',
  difficulty: 'x-rightsize-difficulty',
  reason: 'x-rightsize-reason',
  cache: 'x-rightsize-cache',
  age: 'age',
  replayed: 'x-rightsize-replayed',
  attempts: 'x-rightsize-attempts',
  stripped: 'x-rightsize-stripped',
  cost: 'x-rightsize-cost-usd',
  saved: 'x-rightsize-saved-usd',
  overhead: 'x-rightsize-overhead-ms',
  config: 'x-rightsize-config',
  debug: 'x-rightsize-debug',
  explain: 'x-rightsize-explain',
} as const;

/**
 * `x-rightsize-cache`: served from the exact cache, from the semantic cache, with the answer that an identical request
 * was getting at the time, looked up and absent, or not looked up.
 */
export type CacheStatus = 'hit' | 'semantic' | 'shared' | 'miss' | 'bypass';

/** Whether no model was asked, because the answer was there or on its way. */
export const isFromCache = (status: string | undefined): boolean =>
  status === 'hit' || status === 'semantic' || status === 'shared';

/** The model name by which a client leaves the choice to us. */
export const AUTO_MODEL = 'auto';
