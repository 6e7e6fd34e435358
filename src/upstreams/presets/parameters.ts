import type { UpstreamKind } from '../../contract/vocabulary.ts';

/**
 * What happens to a parameter of a chat request at a kind of upstream; one that the table does not name is sent as it was
 * written.
 * - `strip`: left out, and named in `x-rightsize-stripped`, for it would have changed the answer or the service.
 * - `strip-quietly`: left out; it is about bookkeeping and changes no answer.
 * - `elsewhere`: this upstream is passed over; where no other may answer, the request is refused by name.
 * - `own-ids`: stripped unless the client named this very model: its values are ids of one model's vocabulary.
 * - `as-tools`: the deprecated form of tools, sent as tools, and the answer given back in the form that was asked for.
 * - `named-tool`: `tool_choice` where only its words are understood: a function by name is sent as `required`, and alone.
 * - `fewer-tools`: `tool_choice` where it is not read: a function by name is sent alone, none for `none`, and the order is
 *   stripped.
 * - `with-properties`: functions without parameters get an empty list of them.
 * - `rename`: sent under the name the upstream reads.
 * - `only`: the one value that the upstream honours; with any other it is passed over, as with `elsewhere`.
 */
export type Handling =
  | (
      | 'strip'
      | 'strip-quietly'
      | 'elsewhere'
      | 'own-ids'
      | 'as-tools'
      | 'named-tool'
      | 'fewer-tools'
      | 'with-properties'
    )
  | { rename: string }
  | { only: number };

export type ParameterTable = Readonly<Record<string, Handling>>;

const SHORT_LIMIT: ParameterTable = { max_completion_tokens: { rename: 'max_tokens' } };
const LONG_LIMIT: ParameterTable = { max_tokens: { rename: 'max_completion_tokens' } };

/** Samplers of open runtimes. OpenAI answers 400 to a field that it does not know. */
const openai: ParameterTable = {
  ...LONG_LIMIT,
  top_k: 'strip',
  min_p: 'strip',
  typical_p: 'strip',
  repeat_penalty: 'strip',
  repetition_penalty: 'strip',
  chat_template_kwargs: 'strip',
};

/** What belongs to an account at OpenAI. */
const bookkeeping: ParameterTable = {
  store: 'strip-quietly',
  safety_identifier: 'strip-quietly',
  prompt_cache_key: 'strip-quietly',
  prompt_cache_options: 'strip-quietly',
  prompt_cache_retention: 'strip-quietly',
};

/** Clouds that speak OpenAI's API with models of their own. */
const cloud: ParameterTable = {
  ...SHORT_LIMIT,
  ...bookkeeping,
  logit_bias: 'own-ids',
  verbosity: 'strip',
  moderation: 'elsewhere',
};

/**
 * Answers 422 `extra_forbidden` to a field that it does not know (https://docs.mistral.ai/api/, `POST /v1/chat/completions`;
 * github.com/mistralai/platform-docs-public/issues/7, 2024-01).
 */
const mistral: ParameterTable = {
  ...cloud,
  seed: { rename: 'random_seed' },
  user: 'strip-quietly',
  logprobs: 'strip',
  top_logprobs: 'strip',
  logit_bias: 'strip',
  service_tier: 'strip',
  top_k: 'strip',
  min_p: 'strip',
  modalities: 'strip-quietly',
  web_search_options: 'elsewhere',
  audio: 'elsewhere',
  functions: 'as-tools',
  function_call: 'as-tools',
};

/** Servers on one's own hardware. */
const runtime: ParameterTable = {
  ...bookkeeping,
  metadata: 'strip-quietly',
  logit_bias: 'own-ids',
  verbosity: 'strip',
  prediction: 'strip',
  service_tier: 'strip',
  moderation: 'elsewhere',
  web_search_options: 'elsewhere',
  audio: 'elsewhere',
  functions: 'as-tools',
  function_call: 'as-tools',
};
const shortRuntime: ParameterTable = { ...SHORT_LIMIT, ...runtime };
/** Of runtimes that read neither. */
const oneAnswer: ParameterTable = { n: { only: 1 }, tool_choice: 'fewer-tools' };

/** By kind. Sources of what local runtimes read are in docs/local-runtimes.md; docs/parameters.md is made from this. */
export const PARAMETERS: Readonly<Record<UpstreamKind, ParameterTable>> = {
  openai,
  azure: openai,
  anthropic: { ...cloud, functions: 'as-tools', function_call: 'as-tools' },
  gemini: { ...cloud, functions: 'as-tools', function_call: 'as-tools' },
  mistral,
  groq: cloud,
  together: cloud,
  deepseek: cloud,
  xai: cloud,
  // They pass to many servers, and know themselves what to make of it.
  openrouter: {},
  'openai-compatible': {},
  // Reads functions; its own refusals name the rest.
  llama: {
    ...bookkeeping,
    metadata: 'strip-quietly',
    verbosity: 'strip',
    prediction: 'strip',
    service_tier: 'strip',
    moderation: 'elsewhere',
  },
  // Takes a function by name for `auto` (llama.cpp v0.5.0).
  'llama-server': { ...runtime, tool_choice: 'named-tool' },
  // Does not read `max_completion_tokens`: an answer would have no limit. Drops other names without a word (0.32.15).
  ollama: {
    ...{ ...shortRuntime, ...oneAnswer, logit_bias: 'strip', tools: 'with-properties' },
    ...{ top_k: 'strip', min_p: 'strip', repeat_penalty: 'strip', repetition_penalty: 'strip' },
  },
  'lm-studio': shortRuntime,
  vllm: runtime,
  // Reads none of these (mlx-lm 0.32.2).
  mlx: { ...runtime, ...oneAnswer, response_format: 'strip' },
  // Foundry Local 2.2.1 reads none of these, but for penalties, which it answers with 400.
  onnx: {
    ...{ ...shortRuntime, n: { only: 1 }, logit_bias: 'strip', logprobs: 'strip', top_logprobs: 'strip' },
    ...{ frequency_penalty: 'strip', presence_penalty: 'strip' },
  },
  // Reads no other name, and few others (litert-lm 0.18.1).
  litert: {
    ...{ ...LONG_LIMIT, ...runtime, ...oneAnswer, logit_bias: 'strip', stop: 'strip' },
    ...{ logprobs: 'strip', top_logprobs: 'strip', frequency_penalty: 'strip', presence_penalty: 'strip' },
    ...{ min_p: 'strip', repeat_penalty: 'strip', repetition_penalty: 'strip' },
  },
  // apfel answers 400 to log-probabilities.
  apple: { ...shortRuntime, logprobs: 'strip', top_logprobs: 'strip' },
};
