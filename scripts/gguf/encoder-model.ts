import { type Metadata, writeGguf } from './gguf-writer.ts';
import { RandomWeights } from './random-weights.ts';

export type EncoderModelOptions = {
  /** What comes out: the mean of all tokens' vectors, or one score for a pair of texts. */
  pooling: 'mean' | 'rank';
  /** Its vocabulary; other words are spelled. */
  words: string[];
  seed: number;
  contextTokens?: number;
};

const WIDTH = 64;
const FEED_FORWARD = 128;
const HEADS = 4;
const LAYERS = 2;
const MARKS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const CHARACTERS = [...'abcdefghijklmnopqrstuvwxyz0123456789.,?!\'"-:'];

/**
 * An untrained encoder of the bert architecture with word pieces. Its vectors mean nothing, but texts that share words
 * are nearer to each other than texts that share none.
 */
export const buildEncoderModel = (options: EncoderModelOptions): Buffer => {
  const { pooling, words, seed, contextTokens = 512 } = options;
  const tokens = [...MARKS, ...CHARACTERS.map(atStart), ...words.filter((word) => word.length > 1).map(atStart)];
  tokens.push(...CHARACTERS);
  const weights = new RandomWeights(seed);
  weights.matrix('token_embd.weight', [WIDTH, tokens.length], 1);
  weights.matrix('position_embd.weight', [WIDTH, contextTokens], 0.05, 'F32');
  weights.matrix('token_types.weight', [WIDTH, 2], 0.02, 'F32');
  addNorm(weights, 'token_embd_norm');
  for (let layer = 0; layer < LAYERS; layer++) addLayer(weights, `blk.${layer}.`);
  if (pooling === 'rank') {
    weights.matrix('cls.weight', [WIDTH, WIDTH], 1 / Math.sqrt(WIDTH), 'F32');
    weights.zeros('cls.bias', WIDTH);
    weights.matrix('cls.output.weight', [WIDTH, 1], 1, 'F32');
    weights.zeros('cls.output.bias', 1);
  }
  return writeGguf([...describe(pooling, contextTokens), ...tokenizer(tokens)], weights.tensors);
};

/** Word pieces that begin a word carry this mark in GGUF; those inside a word carry none. */
const atStart = (piece: string): string => `▁${piece}`;

const addNorm = (weights: RandomWeights, name: string): void => {
  weights.ones(`${name}.weight`, WIDTH);
  weights.zeros(`${name}.bias`, WIDTH);
};

const addLayer = (weights: RandomWeights, prefix: string): void => {
  const scale = 1 / Math.sqrt(WIDTH);
  for (const part of ['attn_q', 'attn_k', 'attn_v', 'attn_output']) {
    weights.matrix(`${prefix}${part}.weight`, [WIDTH, WIDTH], scale / 2);
    weights.zeros(`${prefix}${part}.bias`, WIDTH);
  }
  addNorm(weights, `${prefix}attn_output_norm`);
  weights.matrix(`${prefix}ffn_up.weight`, [WIDTH, FEED_FORWARD], scale);
  weights.zeros(`${prefix}ffn_up.bias`, FEED_FORWARD);
  weights.matrix(`${prefix}ffn_down.weight`, [FEED_FORWARD, WIDTH], 0.3 / Math.sqrt(FEED_FORWARD));
  weights.zeros(`${prefix}ffn_down.bias`, WIDTH);
  addNorm(weights, `${prefix}layer_output_norm`);
};

const describe = (pooling: 'mean' | 'rank', contextTokens: number): Metadata[] => [
  ['general.architecture', 'string', 'bert'],
  ['general.name', 'string', `untrained-${pooling}`],
  ['general.file_type', 'uint32', 1],
  ['bert.block_count', 'uint32', LAYERS],
  ['bert.context_length', 'uint32', contextTokens],
  ['bert.embedding_length', 'uint32', WIDTH],
  ['bert.feed_forward_length', 'uint32', FEED_FORWARD],
  ['bert.attention.head_count', 'uint32', HEADS],
  ['bert.attention.layer_norm_epsilon', 'float32', 1e-12],
  ['bert.attention.causal', 'bool', false],
  ['bert.pooling_type', 'uint32', pooling === 'rank' ? 4 : 1],
  ...(pooling === 'rank' ? [['bert.classifier.output_labels', 'string[]', ['LABEL_0']] as Metadata] : []),
];

const tokenizer = (tokens: string[]): Metadata[] => [
  ['tokenizer.ggml.model', 'string', 'bert'],
  ['tokenizer.ggml.pre', 'string', 'default'],
  ['tokenizer.ggml.tokens', 'string[]', tokens],
  // 1 is an ordinary token, 2 the unknown one, 3 a mark.
  [
    'tokenizer.ggml.token_type',
    'int32[]',
    tokens.map((token) => (token === '[UNK]' ? 2 : MARKS.includes(token) ? 3 : 1)),
  ],
  ['tokenizer.ggml.token_type_count', 'uint32', 2],
  ['tokenizer.ggml.padding_token_id', 'uint32', 0],
  ['tokenizer.ggml.unknown_token_id', 'uint32', 1],
  ['tokenizer.ggml.bos_token_id', 'uint32', 2],
  ['tokenizer.ggml.cls_token_id', 'uint32', 2],
  // The misspelling is the format's.
  ['tokenizer.ggml.seperator_token_id', 'uint32', 3],
  ['tokenizer.ggml.eos_token_id', 'uint32', 3],
  ['tokenizer.ggml.mask_token_id', 'uint32', 4],
];
