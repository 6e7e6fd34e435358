import type { Api, UpstreamKind } from '../contract/vocabulary.ts';
import type { UpstreamConfig } from './upstream-schema.ts';

/** What the gateway assumes of a kind of upstream where routes.yaml says nothing. */
export type UpstreamDefaults = {
  /** Base URL; a kind without one needs `url` in routes.yaml. */
  url?: string;
  /** Whether every request there needs a key: without one the upstream is left out. */
  needsKey: boolean;
  /** The variable people already keep that key in. Read only where the default URL is used. */
  keyVariable?: string;
  /** A runtime on one's own hardware: free by default, and a key is optional. */
  isLocal: boolean;
};

const cloud = (url: string | undefined, keyVariable: string): UpstreamDefaults => ({
  ...(url && { url }),
  needsKey: true,
  keyVariable,
  isLocal: false,
});

const local = (url?: string): UpstreamDefaults => ({ ...(url && { url }), needsKey: false, isLocal: true });

/** By kind. URLs are the OpenAI-compatible endpoints that the providers document. */
export const UPSTREAM_DEFAULTS: Readonly<Record<UpstreamKind, UpstreamDefaults>> = {
  openai: cloud('https://api.openai.com/v1', 'OPENAI_API_KEY'),
  azure: cloud(undefined, 'AZURE_OPENAI_API_KEY'),
  anthropic: cloud('https://api.anthropic.com/v1', 'ANTHROPIC_API_KEY'),
  gemini: cloud('https://generativelanguage.googleapis.com/v1beta/openai', 'GEMINI_API_KEY'),
  mistral: cloud('https://api.mistral.ai/v1', 'MISTRAL_API_KEY'),
  groq: cloud('https://api.groq.com/openai/v1', 'GROQ_API_KEY'),
  together: cloud('https://api.together.xyz/v1', 'TOGETHER_API_KEY'),
  openrouter: cloud('https://openrouter.ai/api/v1', 'OPENROUTER_API_KEY'),
  deepseek: cloud('https://api.deepseek.com/v1', 'DEEPSEEK_API_KEY'),
  xai: cloud('https://api.x.ai/v1', 'XAI_API_KEY'),
  llama: local(),
  'llama-server': local('http://127.0.0.1:8080/v1'),
  ollama: local('http://127.0.0.1:11434/v1'),
  'lm-studio': local('http://127.0.0.1:1234/v1'),
  vllm: local('http://127.0.0.1:8000/v1'),
  mlx: local('http://127.0.0.1:8080/v1'),
  // Foundry Local picks its port at every start.
  onnx: local(),
  litert: local(),
  apple: local(),
  'openai-compatible': { needsKey: false, isLocal: false },
};

/** What a kind stands for; undefined for a word that is no kind. */
export const defaultsOf = (kind: string | undefined): UpstreamDefaults | undefined =>
  kind !== undefined && Object.hasOwn(UPSTREAM_DEFAULTS, kind) ? UPSTREAM_DEFAULTS[kind as UpstreamKind] : undefined;

/**
 * The wire formats of an upstream: what routes.yaml says, else what is certain of its kind. Azure has responses below its
 * `/openai/v1` alone (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses).
 */
export const apisOf = (upstream: UpstreamConfig): ReadonlySet<Api> => {
  if (upstream.kind === 'llama') return CHAT_ALONE;
  if (upstream.apis !== undefined) return new Set(upstream.apis);
  if (upstream.kind === 'anthropic') return CHAT_AND_MESSAGES;
  const hasResponses =
    upstream.kind === 'openai' || (upstream.kind === 'azure' && /\/openai\/v1\/?$/.test(upstream.url ?? ''));
  return hasResponses ? CHAT_AND_RESPONSES : CHAT_ALONE;
};

const CHAT_ALONE: ReadonlySet<Api> = new Set(['chat']);
const CHAT_AND_MESSAGES: ReadonlySet<Api> = new Set(['chat', 'messages']);
const CHAT_AND_RESPONSES: ReadonlySet<Api> = new Set(['chat', 'responses']);
