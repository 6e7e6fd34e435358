import { BYTE_SYMBOLS, encode, learnMerges } from './byte-pair-encoding.ts';
import { CHAT_TEMPLATE } from './chat-template.ts';
import { type Metadata, type Tensor, writeGguf } from './gguf-writer.ts';
import { createRandom } from './random.ts';

export type NanoModelOptions = {
  name: string;
  sentences: string[];
  seed: number;
  /** How many merge rules the tokenizer may learn; 0 leaves one token per byte. */
  maxMerges: number;
  /** Whether an answer ends after a sentence; without, a sentence follows the last one until something stops it. */
  isEnding: boolean;
  /** Jinja; by default ChatML with tools. */
  chatTemplate?: string;
  /** More tokens of their own, beside those of tool calls, that show in text. */
  markers?: string[];
};

const END_OF_TURN = '<|im_end|>';
const SPECIAL_TOKENS = ['<|endoftext|>', '<|im_start|>', END_OF_TURN, '<tool_call>', '</tool_call>'];
/** The template ends in a newline, so an answer's first word follows this token. */
const NEWLINE = BYTE_SYMBOLS[10]!;
const EXPERTS = 8;
const EXPERTS_USED = 2;
const EXPERT_WIDTH = 32;
const HEAD_WIDTH = 32;
const CONTEXT_TOKENS = 8192;
const QUOTE = BYTE_SYMBOLS[34]!;
/** Probability of a pair of words that no sentence has. */
const UNSEEN = 1e-8;
/** The same for a byte that is no character of its own: it would hardly ever meet the others of one. */
const UNSEEN_PART = 1e-12;
/** Probability of a quote where a sentence ends: seldom enough not to show, and what closes a string under a grammar. */
const CLOSING_QUOTE = 1e-4;

/**
 * A GGUF file of one layer in the Mixtral form of the llama graph. Embeddings are one-hot and attention adds nothing,
 * so that output row times last token is the logarithm of how often a word follows it in `sentences`. Router and
 * experts are random and really computed; their part in the sum is small enough to leave the text readable.
 */
export const buildNanoModel = (options: NanoModelOptions): Buffer => {
  const merges = learnMerges(options.sentences.join('\n'), options.maxMerges);
  const tokens = [
    ...BYTE_SYMBOLS,
    ...merges.map((merge) => merge.replace(' ', '')),
    ...SPECIAL_TOKENS,
    ...(options.markers ?? []),
  ];
  const width = Math.ceil(tokens.length / 32) * 32;
  return writeGguf(
    [...describe(options.name, tokens, width), ...tokenizer(options, tokens, merges)],
    weights(logProbabilities(options, tokens, merges), tokens.length, width, options.seed),
  );
};

const describe = (name: string, tokens: string[], width: number): Metadata[] => [
  ['general.architecture', 'string', 'llama'],
  ['general.name', 'string', name],
  ['general.type', 'string', 'model'],
  ['general.license', 'string', 'apache-2.0'],
  ['general.file_type', 'uint32', 1],
  ['general.quantization_version', 'uint32', 2],
  ['llama.block_count', 'uint32', 1],
  ['llama.context_length', 'uint32', CONTEXT_TOKENS],
  ['llama.embedding_length', 'uint32', width],
  ['llama.feed_forward_length', 'uint32', EXPERT_WIDTH],
  ['llama.expert_count', 'uint32', EXPERTS],
  ['llama.expert_used_count', 'uint32', EXPERTS_USED],
  ['llama.attention.head_count', 'uint32', 1],
  ['llama.attention.head_count_kv', 'uint32', 1],
  ['llama.attention.key_length', 'uint32', HEAD_WIDTH],
  ['llama.attention.value_length', 'uint32', HEAD_WIDTH],
  ['llama.attention.layer_norm_rms_epsilon', 'float32', 1e-6],
  ['llama.rope.dimension_count', 'uint32', HEAD_WIDTH],
  ['llama.rope.freq_base', 'float32', 10_000],
  ['llama.vocab_size', 'uint32', tokens.length],
];

const tokenizer = (
  { chatTemplate, markers = [] }: NanoModelOptions,
  tokens: string[],
  merges: string[],
): Metadata[] => {
  // 1 is an ordinary token, 3 a control token that never shows in text, 4 a user-defined one that does.
  const types = tokens.map((token) =>
    token.endsWith('tool_call>') || markers.includes(token) ? 4 : SPECIAL_TOKENS.includes(token) ? 3 : 1,
  );
  return [
    ['tokenizer.ggml.model', 'string', 'gpt2'],
    ['tokenizer.ggml.pre', 'string', 'gpt-2'],
    ['tokenizer.ggml.tokens', 'string[]', tokens],
    ['tokenizer.ggml.token_type', 'int32[]', types],
    ['tokenizer.ggml.merges', 'string[]', merges],
    ['tokenizer.ggml.bos_token_id', 'uint32', tokens.indexOf('<|endoftext|>')],
    ['tokenizer.ggml.eos_token_id', 'uint32', tokens.indexOf(END_OF_TURN)],
    ['tokenizer.ggml.padding_token_id', 'uint32', tokens.indexOf('<|endoftext|>')],
    ['tokenizer.ggml.add_bos_token', 'bool', false],
    ['tokenizer.chat_template', 'string', chatTemplate ?? CHAT_TEMPLATE],
  ];
};

/** Row by token, column by the token before it. What follows a token that no sentence has is the end of the turn. */
const logProbabilities = (options: NanoModelOptions, tokens: string[], merges: string[]): number[][] => {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const end = ids.get(options.isEnding ? END_OF_TURN : NEWLINE)!;
  const marked = ['<tool_call>', '</tool_call>', ...(options.markers ?? [])];
  const counts = tokens.map(() => new Map<number, number>());
  for (const sentence of options.sentences) {
    let last = ids.get(NEWLINE)!;
    for (const next of [...encodeMarked(sentence, merges, marked).map((token) => ids.get(token)!), end]) {
      counts[last]!.set(next, (counts[last]!.get(next) ?? 0) + 1);
      last = next;
    }
  }
  const quote = ids.get(QUOTE)!;
  const closes = (next: number, last: number) =>
    next === quote && last !== quote && (!counts[last]!.size || counts[last]!.has(end));
  const totals = counts.map((followers) => [...followers.values()].reduce((sum, count) => sum + count, 0));
  return tokens.map((_, next) =>
    tokens.map((_, last) => {
      const probability = totals[last] ? (counts[last]!.get(next) ?? 0) / totals[last]! : Number(next === end);
      return Math.log(
        Math.max(probability, closes(next, last) ? CLOSING_QUOTE : next >= 128 && next < 256 ? UNSEEN_PART : UNSEEN),
      );
    }),
  );
};

/** As `encode`, with the tokens that stand for markup whole. */
const encodeMarked = (sentence: string, merges: string[], markers: string[]): string[] =>
  sentence
    .split(new RegExp(`(${markers.join('|')})`))
    .flatMap((piece) => (markers.includes(piece) ? [piece] : encode(piece, merges)));

const weights = (logits: number[][], vocabulary: number, width: number, seed: number): Tensor[] => {
  const random = createRandom(seed);
  const oneHot = new Float32Array(vocabulary * width);
  const output = new Float32Array(vocabulary * width);
  // The norm before the output multiplies a one-hot vector by the root of its length.
  const scale = Math.sqrt(width);
  for (let next = 0; next < vocabulary; next++) {
    oneHot[next * width + next] = 1;
    for (let last = 0; last < vocabulary; last++) output[next * width + last] = logits[next]![last]! / scale;
  }
  const half = (name: string, dimensions: number[], values: Float32Array): Tensor => ({
    name,
    dimensions,
    type: 'F16',
    values,
  });
  const ones = (name: string): Tensor => ({
    name,
    dimensions: [width],
    type: 'F32',
    values: new Float32Array(width).fill(1),
  });
  const zeros = (name: string, dimensions: [number, number]): Tensor =>
    half(name, dimensions, new Float32Array(dimensions[0] * dimensions[1]));
  const expertValues = width * EXPERT_WIDTH * EXPERTS;
  return [
    half('token_embd.weight', [width, vocabulary], oneHot),
    ones('blk.0.attn_norm.weight'),
    zeros('blk.0.attn_q.weight', [width, HEAD_WIDTH]),
    zeros('blk.0.attn_k.weight', [width, HEAD_WIDTH]),
    zeros('blk.0.attn_v.weight', [width, HEAD_WIDTH]),
    zeros('blk.0.attn_output.weight', [HEAD_WIDTH, width]),
    ones('blk.0.ffn_norm.weight'),
    {
      name: 'blk.0.ffn_gate_inp.weight',
      dimensions: [width, EXPERTS],
      type: 'F32',
      values: random(width * EXPERTS, 2 / scale),
    },
    half('blk.0.ffn_gate_exps.weight', [width, EXPERT_WIDTH, EXPERTS], random(expertValues, 1 / scale)),
    half('blk.0.ffn_up_exps.weight', [width, EXPERT_WIDTH, EXPERTS], random(expertValues, 1 / scale)),
    half('blk.0.ffn_down_exps.weight', [EXPERT_WIDTH, width, EXPERTS], random(expertValues, 0.001)),
    ones('output_norm.weight'),
    half('output.weight', [width, vocabulary], output),
  ];
};
