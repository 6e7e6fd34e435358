import { closeSync, openSync, writeSync } from 'node:fs';
import { BYTE_SYMBOLS, learnMerges } from '../gguf/byte-pair-encoding.ts';
import { CHAT_TEMPLATE } from '../gguf/chat-template.ts';
import { type Metadata, writeGguf } from '../gguf/gguf-writer.ts';
import { NANO_SENTENCES } from '../gguf/nano-corpus.ts';

/** 137 million parameters, of which a token uses 38 million: two of sixteen experts in each of eight layers. */
const LAYERS = 8;
const WIDTH = 512;
const HEADS = 8;
const KEY_VALUE_HEADS = 4;
const HEAD_WIDTH = WIDTH / HEADS;
const EXPERTS = 16;
const EXPERTS_USED = 2;
const EXPERT_WIDTH = 576;
const VOCABULARY = 16_384;
const CONTEXT_TOKENS = 4096;
/** Deviation of the logits: wide enough that sampling is no coin toss, narrow enough that every token occurs. */
const LOGIT_DEVIATION = 3;

const END_OF_TURN = '<|im_end|>';
const SPECIAL_TOKENS = ['<|endoftext|>', '<|im_start|>', END_OF_TURN];
const ALIGNMENT = 32;
const Q8_0 = 8;

/** A tensor of the file: quantised to `Q8_0` with this deviation, or ordinary numbers. */
type Part = { name: string; dimensions: number[] } & ({ deviation: number } | { values: Float32Array });

/**
 * Writes a mixture of experts in the Qwen 3 form with random weights in `Q8_0`, some 145 MB: as much work per token as
 * a real model of its size, and a text of made-up words. It never ends an answer by itself, so that every answer has
 * the length that was asked for. The same bytes on every machine.
 */
export const writeBenchModel = (path: string): void => {
  const merges = learnMerges(NANO_SENTENCES.join('\n'), 1000);
  const tokens = [...BYTE_SYMBOLS, ...merges.map((merge) => merge.replace(' ', ''))];
  // Ordinary words that no prompt has, so that each sampled token has a text to send.
  while (tokens.length < VOCABULARY - SPECIAL_TOKENS.length) tokens.push(`Ġw${tokens.length}`);
  tokens.push(...SPECIAL_TOKENS);
  write(path, [...describe(), ...tokenizer(tokens, merges)], parts());
};

const describe = (): Metadata[] => [
  ['general.architecture', 'string', 'qwen3moe'],
  ['general.name', 'string', 'rightsize-bench'],
  ['general.type', 'string', 'model'],
  ['general.file_type', 'uint32', 7],
  ['general.quantization_version', 'uint32', 2],
  ['qwen3moe.block_count', 'uint32', LAYERS],
  ['qwen3moe.context_length', 'uint32', CONTEXT_TOKENS],
  ['qwen3moe.embedding_length', 'uint32', WIDTH],
  ['qwen3moe.feed_forward_length', 'uint32', EXPERT_WIDTH],
  ['qwen3moe.expert_feed_forward_length', 'uint32', EXPERT_WIDTH],
  ['qwen3moe.expert_count', 'uint32', EXPERTS],
  ['qwen3moe.expert_used_count', 'uint32', EXPERTS_USED],
  ['qwen3moe.attention.head_count', 'uint32', HEADS],
  ['qwen3moe.attention.head_count_kv', 'uint32', KEY_VALUE_HEADS],
  ['qwen3moe.attention.key_length', 'uint32', HEAD_WIDTH],
  ['qwen3moe.attention.value_length', 'uint32', HEAD_WIDTH],
  ['qwen3moe.attention.layer_norm_rms_epsilon', 'float32', 1e-6],
  ['qwen3moe.rope.freq_base', 'float32', 10_000],
  ['qwen3moe.rope.dimension_count', 'uint32', HEAD_WIDTH],
  ['qwen3moe.vocab_size', 'uint32', VOCABULARY],
];

const tokenizer = (tokens: string[], merges: string[]): Metadata[] => [
  ['tokenizer.ggml.model', 'string', 'gpt2'],
  ['tokenizer.ggml.pre', 'string', 'gpt-2'],
  ['tokenizer.ggml.tokens', 'string[]', tokens],
  ['tokenizer.ggml.token_type', 'int32[]', tokens.map((token) => (SPECIAL_TOKENS.includes(token) ? 3 : 1))],
  ['tokenizer.ggml.merges', 'string[]', merges],
  ['tokenizer.ggml.bos_token_id', 'uint32', tokens.indexOf('<|endoftext|>')],
  ['tokenizer.ggml.eos_token_id', 'uint32', tokens.indexOf(END_OF_TURN)],
  ['tokenizer.ggml.padding_token_id', 'uint32', tokens.indexOf('<|endoftext|>')],
  ['tokenizer.ggml.add_bos_token', 'bool', false],
  ['tokenizer.chat_template', 'string', CHAT_TEMPLATE],
];

const parts = (): Part[] => {
  const wide = 1 / Math.sqrt(WIDTH);
  const narrow = 1 / Math.sqrt(EXPERT_WIDTH) / Math.sqrt(2 * LAYERS);
  const keyValueWidth = KEY_VALUE_HEADS * HEAD_WIDTH;
  const ones = (name: string, length: number): Part => ({
    name,
    dimensions: [length],
    values: new Float32Array(length).fill(1),
  });
  const random = (name: string, dimensions: number[], deviation: number): Part => ({ name, dimensions, deviation });
  const layers = Array.from({ length: LAYERS }, (_, layer) => {
    const name = (part: string) => `blk.${layer}.${part}.weight`;
    return [
      ones(name('attn_norm'), WIDTH),
      random(name('attn_q'), [WIDTH, WIDTH], wide),
      random(name('attn_k'), [WIDTH, keyValueWidth], wide),
      random(name('attn_v'), [WIDTH, keyValueWidth], wide),
      random(name('attn_output'), [WIDTH, WIDTH], wide / Math.sqrt(2 * LAYERS)),
      ones(name('attn_q_norm'), HEAD_WIDTH),
      ones(name('attn_k_norm'), HEAD_WIDTH),
      ones(name('ffn_norm'), WIDTH),
      { name: name('ffn_gate_inp'), dimensions: [WIDTH, EXPERTS], values: uniformValues(WIDTH * EXPERTS, layer, wide) },
      random(name('ffn_gate_exps'), [WIDTH, EXPERT_WIDTH, EXPERTS], wide),
      random(name('ffn_up_exps'), [WIDTH, EXPERT_WIDTH, EXPERTS], wide),
      random(name('ffn_down_exps'), [EXPERT_WIDTH, WIDTH, EXPERTS], narrow),
    ];
  });
  return [
    random('token_embd.weight', [WIDTH, VOCABULARY], 1),
    ...layers.flat(),
    ones('output_norm.weight', WIDTH),
    random('output.weight', [WIDTH, VOCABULARY], wide * LOGIT_DEVIATION),
  ];
};

const uniformValues = (count: number, seed: number, deviation: number): Float32Array => {
  const bytes = randomBytes(seed + 1);
  return Float32Array.from({ length: count }, () => (bytes() - 127.5) * (deviation / 37));
};

/** The header comes from the ordinary writer, with every tensor's true size and place behind it. */
const write = (path: string, metadata: Metadata[], tensors: Part[]): void => {
  const file = openSync(path, 'w');
  try {
    let offset = 0;
    const infos: Buffer[] = [];
    for (const tensor of tensors) {
      infos.push(info(tensor, offset));
      offset += padding(sizeOf(tensor)) + sizeOf(tensor);
    }
    const head = Buffer.concat([withoutTensors(metadata, tensors.length), ...infos]);
    writeSync(file, Buffer.concat([head, Buffer.alloc(padding(head.length))]));
    const bytes = randomBytes(1);
    for (const tensor of tensors) {
      const data = 'values' in tensor ? Buffer.from(tensor.values.buffer) : quantised(tensor, bytes);
      writeSync(file, Buffer.concat([data, Buffer.alloc(padding(data.length))]));
    }
  } finally {
    closeSync(file);
  }
};

/** Magic, version, counts and metadata, without the padding that ends a file without tensors. */
const withoutTensors = (metadata: Metadata[], tensorCount: number): Buffer => {
  // A last key of known length marks where the padding begins: all of the header before it is kept.
  const marker = Buffer.from('rightsize.bench');
  const whole = writeGguf([...metadata, [marker.toString(), 'bool', true]], []);
  const end = whole.indexOf(marker) + marker.length + 4 + 1;
  const head = Buffer.from(whole.subarray(0, end));
  head.writeBigUInt64LE(BigInt(tensorCount), 8);
  return head;
};

const info = (tensor: Part, offset: number): Buffer => {
  const name = Buffer.from(tensor.name);
  const buffer = Buffer.alloc(8 + name.length + 4 + 8 * tensor.dimensions.length + 4 + 8);
  let at = buffer.writeBigUInt64LE(BigInt(name.length), 0);
  at += name.copy(buffer, at);
  at = buffer.writeUInt32LE(tensor.dimensions.length, at);
  for (const dimension of tensor.dimensions) at = buffer.writeBigUInt64LE(BigInt(dimension), at);
  at = buffer.writeUInt32LE('values' in tensor ? 0 : Q8_0, at);
  buffer.writeBigUInt64LE(BigInt(offset), at);
  return buffer;
};

const sizeOf = (tensor: Part): number => {
  const count = tensor.dimensions.reduce((product, dimension) => product * dimension, 1);
  return 'values' in tensor ? count * 4 : (count / 32) * 34;
};

const padding = (bytes: number): number => (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT;

/** Blocks of a half-precision scale and 32 signed bytes. The rows of tokens that would end an answer are zero. */
const quantised = (tensor: Part & { deviation: number }, random: () => number): Buffer => {
  const data = Buffer.alloc(sizeOf(tensor));
  const scale = toHalf(tensor.deviation / 74);
  const isOutput = tensor.name === 'output.weight';
  const end = isOutput ? data.length - (SPECIAL_TOKENS.length * WIDTH * 34) / 32 : data.length;
  for (let at = 0; at < end; at += 34) {
    data.writeUInt16LE(scale, at);
    for (let i = 2; i < 34; i++) data[at + i] = random();
  }
  return data;
};

/** Bytes by xorshift: the same on every machine, and fast enough for a hundred million of them. */
const randomBytes = (seed: number) => {
  let state = Math.imul(seed, 0x9e3779b9) | 1;
  return (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 11) & 0xff;
  };
};

/** IEEE 754 half precision of a normal positive number, cut. */
const toHalf = (value: number): number => {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0]!;
  return (((bits >>> 23) - 112) << 10) | ((bits >>> 13) & 0x3ff);
};
