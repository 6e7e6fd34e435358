import type { UpstreamKind } from '../../contract/vocabulary.ts';
import { LOCAL_PRESETS } from './local-runtimes.ts';

/** What we know of a kind of endpoint and a request must be bent to. */
export type Preset = {
  /**
   * The name under which the limit on answer tokens is sent; the other one is renamed. `as-sent` leaves both alone.
   * OpenAI's reasoning models refuse `max_tokens`; most other servers know only that one.
   */
  maxTokensField: 'max_completion_tokens' | 'max_tokens' | 'as-sent';
  /** Understands `stream_options.continuous_usage_stats`, so that an aborted stream still has exact counts. */
  hasRunningUsage: boolean;
  /**
   * Understands `rightsize_confidence` and sends figures of certainty over the first tokens, which costs it less than
   * log-probabilities over the whole answer (docs/model-host.md).
   */
  tellsConfidence: boolean;
  /** The header that carries the key. */
  keyHeader: 'authorization' | 'api-key';
  /** What `developer` messages are sent as. Chat templates of open models know `system` alone and drop or refuse others. */
  developerRole: 'developer' | 'system';
  /** Keeps the responses it gave, so that a `previous_response_id` of its own may go there. */
  keepsAnswers?: boolean;
  /**
   * Keys of its answers, chunks and choices that OpenAI's have not: they are taken out, so that an answer looks the same
   * wherever it comes from. Kind `openai-compatible` keeps everything.
   */
  ownKeys: readonly string[];
};

const cloud: Preset = {
  maxTokensField: 'max_tokens',
  hasRunningUsage: false,
  tellsConfidence: false,
  keyHeader: 'authorization',
  developerRole: 'developer',
  ownKeys: [],
};
const openai: Preset = { ...cloud, maxTokensField: 'max_completion_tokens', keepsAnswers: true };
const untouched: Preset = { ...cloud, maxTokensField: 'as-sent' };

const PRESETS: Partial<Record<UpstreamKind, Preset>> = {
  openai,
  azure: { ...openai, keyHeader: 'api-key' },
  openrouter: untouched,
  'openai-compatible': untouched,
  llama: { ...untouched, hasRunningUsage: true, tellsConfidence: true },
  ...LOCAL_PRESETS,
};

export const presetOf = (kind: UpstreamKind): Preset => PRESETS[kind] ?? cloud;
