import { BYTE_SYMBOLS } from './byte-pair-encoding.ts';
import { CHAT_TEMPLATE } from './chat-template.ts';
import { type Metadata, writeGguf } from './gguf-writer.ts';
import { RandomWeights } from './random-weights.ts';

export type ExpertModelOptions = {
  seed: number;
  layers?: number;
  width?: number;
  experts?: number;
  expertsUsed?: number;
  /** Of one expert's hidden layer. */
  expertWidth?: number;
  contextTokens?: number;
};

const HEADS = 4;
const KEY_HEADS = 2;
const MARKS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<tool_call>', '</tool_call>'];

/** An untrained model of experts of the qwen3moe architecture, a token for each byte: it writes nonsense, quickly. */
export const buildExpertModel = (options: ExpertModelOptions): Buffer => {
  const {
    seed,
    layers = 2,
    width = 64,
    experts = 8,
    expertsUsed = 2,
    expertWidth = 96,
    contextTokens = 2048,
  } = options;
  const tokens = [...BYTE_SYMBOLS, ...MARKS];
  const headWidth = width / HEADS;
  const weights = new RandomWeights(seed);
  const scale = 1 / Math.sqrt(width);
  weights.matrix('token_embd.weight', [width, tokens.length], 1);
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `blk.${layer}.`;
    weights.ones(`${prefix}attn_norm.weight`, width);
    weights.matrix(`${prefix}attn_q.weight`, [width, width], scale);
    weights.matrix(`${prefix}attn_k.weight`, [width, headWidth * KEY_HEADS], scale);
    weights.matrix(`${prefix}attn_v.weight`, [width, headWidth * KEY_HEADS], scale);
    weights.matrix(`${prefix}attn_output.weight`, [width, width], scale / 2);
    weights.ones(`${prefix}attn_q_norm.weight`, headWidth);
    weights.ones(`${prefix}attn_k_norm.weight`, headWidth);
    weights.ones(`${prefix}ffn_norm.weight`, width);
    weights.matrix(`${prefix}ffn_gate_inp.weight`, [width, experts], scale * 2, 'F32');
    weights.matrix(`${prefix}ffn_gate_exps.weight`, [width, expertWidth, experts], scale);
    weights.matrix(`${prefix}ffn_up_exps.weight`, [width, expertWidth, experts], scale);
    weights.matrix(`${prefix}ffn_down_exps.weight`, [expertWidth, width, experts], 0.5 / Math.sqrt(expertWidth));
  }
  weights.ones('output_norm.weight', width);
  weights.matrix('output.weight', [width, tokens.length], scale * 3);
  const shape = { layers, width, experts, expertsUsed, expertWidth, contextTokens, headWidth };
  return writeGguf([...describe(shape), ...tokenizer(tokens)], weights.tensors);
};

const describe = (shape: Required<Omit<ExpertModelOptions, 'seed'>> & { headWidth: number }): Metadata[] => [
  ['general.architecture', 'string', 'qwen3moe'],
  ['general.name', 'string', 'untrained-experts'],
  ['general.license', 'string', 'apache-2.0'],
  ['general.file_type', 'uint32', 1],
  ['qwen3moe.block_count', 'uint32', shape.layers],
  ['qwen3moe.context_length', 'uint32', shape.contextTokens],
  ['qwen3moe.embedding_length', 'uint32', shape.width],
  ['qwen3moe.feed_forward_length', 'uint32', shape.expertWidth],
  ['qwen3moe.expert_feed_forward_length', 'uint32', shape.expertWidth],
  ['qwen3moe.expert_count', 'uint32', shape.experts],
  ['qwen3moe.expert_used_count', 'uint32', shape.expertsUsed],
  ['qwen3moe.attention.head_count', 'uint32', HEADS],
  ['qwen3moe.attention.head_count_kv', 'uint32', KEY_HEADS],
  ['qwen3moe.attention.key_length', 'uint32', shape.headWidth],
  ['qwen3moe.attention.value_length', 'uint32', shape.headWidth],
  ['qwen3moe.attention.layer_norm_rms_epsilon', 'float32', 1e-5],
  ['qwen3moe.rope.freq_base', 'float32', 10_000],
  ['qwen3moe.rope.dimension_count', 'uint32', shape.headWidth],
];

const tokenizer = (tokens: string[]): Metadata[] => [
  ['tokenizer.ggml.model', 'string', 'gpt2'],
  ['tokenizer.ggml.pre', 'string', 'gpt-2'],
  ['tokenizer.ggml.tokens', 'string[]', tokens],
  ['tokenizer.ggml.token_type', 'int32[]', tokens.map((token) => (MARKS.includes(token) ? 3 : 1))],
  ['tokenizer.ggml.merges', 'string[]', []],
  ['tokenizer.ggml.bos_token_id', 'uint32', tokens.indexOf('<|endoftext|>')],
  ['tokenizer.ggml.eos_token_id', 'uint32', tokens.indexOf('<|im_end|>')],
  ['tokenizer.ggml.add_bos_token', 'bool', false],
  ['tokenizer.chat_template', 'string', CHAT_TEMPLATE],
];
