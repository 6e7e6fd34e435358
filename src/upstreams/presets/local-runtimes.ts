import type { UpstreamKind } from '../../contract/vocabulary.ts';
import type { Preset } from './preset.ts';

/**
 * Runtimes on one's own hardware. How each entry was found out, and what is not known, is in docs/local-runtimes.md;
 * the answers it was found in are in test/fixtures/runtimes.
 */
const runtime: Preset = {
  maxTokensField: 'max_tokens',
  hasRunningUsage: false,
  tellsConfidence: false,
  keyHeader: 'authorization',
  developerRole: 'system',
  ownKeys: [],
};
const readsBoth: Preset = { ...runtime, maxTokensField: 'as-sent' };

export const LOCAL_PRESETS = {
  'llama-server': { ...readsBoth, ownKeys: ['timings', '__verbose'] },
  // Does not read `max_completion_tokens`: an answer would have no limit.
  ollama: runtime,
  'lm-studio': { ...runtime, ownKeys: ['stats'] },
  vllm: {
    ...readsBoth,
    hasRunningUsage: true,
    ownKeys: ['prompt_logprobs', 'prompt_token_ids', 'kv_transfer_params', 'stop_reason', 'token_ids'],
  },
  mlx: readsBoth,
  onnx: runtime,
  // Reads no other name.
  litert: { ...runtime, maxTokensField: 'max_completion_tokens' },
  apple: runtime,
} satisfies Partial<Record<UpstreamKind, Preset>>;
