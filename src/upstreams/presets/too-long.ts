/**
 * How servers say that a prompt does not fit the context, each in its own words, in a body, an event or a text:
 * OpenAI's code, which apfel and our own host send too; llama-server's type, and its words before that had one; vLLM,
 * as OpenAI in its early days; Ollama; LM Studio, whose two engines differ; LiteRT-LM; Apple's framework and apfel;
 * onnxruntime-genai. Sources are in docs/local-runtimes.md.
 */
const WORDS = [
  'context_length_exceeded',
  'exceed_context_size_error',
  'exceeds the available context size',
  'maximum context length',
  'longer than the maximum model length',
  'cannot be greater than max_model_len',
  'input length exceeds the context length',
  'exceeds maximum context length',
  'tokens to keep from the initial prompt is greater than the context length',
  'when context the overflows',
  'Context size has been exceeded',
  'Input token ids are too long',
  'exceededContextWindowSize',
  "exceeds the model's context window",
  'Exceeded model context window size',
  'exceeds max length',
];

/** Whether the words of an error mean that the prompt, or the answer asked for, was too long for the model there. */
export const saysTooLong = (text: string): boolean => WORDS.some((words) => text.includes(words));
