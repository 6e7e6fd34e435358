import type { UpstreamKind } from '../../contract/vocabulary.ts';
import type { BasePreset } from './preset.ts';

/**
 * Runtimes on one's own hardware. How each entry was found out, and what is not known, is in docs/local-runtimes.md;
 * the answers it was found in are in test/fixtures/runtimes.
 */
const runtime: BasePreset = {
  hasRunningUsage: false,
  tellsConfidence: false,
  keyHeader: 'authorization',
  developerRole: 'system',
  ownKeys: [],
};

export const LOCAL_PRESETS = {
  'llama-server': { ...runtime, ownKeys: ['timings', '__verbose'] },
  ollama: runtime,
  'lm-studio': { ...runtime, ownKeys: ['stats'] },
  vllm: {
    ...runtime,
    hasRunningUsage: true,
    ownKeys: [
      ...['prompt_logprobs', 'prompt_token_ids', 'prompt_text', 'kv_transfer_params', 'ec_transfer_params', 'metrics'],
      ...['stop_reason', 'token_ids', 'routed_experts'],
    ],
  },
  mlx: runtime,
  onnx: runtime,
  litert: runtime,
  apple: runtime,
} satisfies Partial<Record<UpstreamKind, BasePreset>>;
