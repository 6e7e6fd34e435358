import type { UpstreamKind } from '../../contract/vocabulary.ts';
import { LOCAL_PRESETS } from './local-runtimes.ts';

/** What we know of a kind of endpoint beside its parameters (`parameters.ts`), and a request must be bent to. */
export type Preset = {
  kind: UpstreamKind;
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
  /** Refuses a request whose earlier turns carry the reasoning they came with. */
  refusesReasoning?: boolean;
  /** Keeps the responses it gave, so that a `previous_response_id` of its own may go there. */
  keepsAnswers?: boolean;
  /**
   * Keys of its answers, chunks and choices that OpenAI's have not: they are taken out, so that an answer looks the same
   * wherever it comes from. Kind `openai-compatible` keeps everything.
   */
  ownKeys: readonly string[];
};

/** A preset before it is known which kind takes it. */
export type BasePreset = Omit<Preset, 'kind'>;

const cloud: BasePreset = {
  hasRunningUsage: false,
  tellsConfidence: false,
  keyHeader: 'authorization',
  developerRole: 'developer',
  ownKeys: [],
};
const openai: BasePreset = { ...cloud, keepsAnswers: true };

const PRESETS: Partial<Record<UpstreamKind, BasePreset>> = {
  openai,
  // Roles and fields that it does not know are refused (github.com/charmbracelet/crush/issues/1590, 2025-12).
  mistral: { ...cloud, developerRole: 'system', refusesReasoning: true },
  azure: { ...openai, keyHeader: 'api-key' },
  llama: { ...cloud, hasRunningUsage: true, tellsConfidence: true },
  ...LOCAL_PRESETS,
};

export const presetOf = (kind: UpstreamKind): Preset => ({ ...(PRESETS[kind] ?? cloud), kind });
