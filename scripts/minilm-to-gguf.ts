import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Metadata, type Tensor, writeGguf } from './gguf/gguf-writer.ts';

/**
 * Writes a sentence model of the BERT architecture (`config.json`, `vocab.txt` and `model.safetensors` in one folder, as
 * all-MiniLM-L6-v2 has them) as a GGUF that the model host serves embeddings from.
 * Usage: node scripts/minilm-to-gguf.ts <folder> <out.gguf>
 */
const [folder, out] = process.argv.slice(2);
if (folder === undefined || out === undefined) {
  console.error('usage: node scripts/minilm-to-gguf.ts <folder> <out.gguf>');
  process.exit(2);
}

type Config = Record<
  | 'hidden_size'
  | 'intermediate_size'
  | 'num_attention_heads'
  | 'num_hidden_layers'
  | 'layer_norm_eps'
  | 'max_position_embeddings',
  number
>;
const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Config;
const vocabulary = readFileSync(join(folder, 'vocab.txt'), 'utf8').split('\n').filter(Boolean);

/** https://github.com/huggingface/safetensors#format: eight bytes of length, JSON, then the tensors. */
const weights = readFileSync(join(folder, 'model.safetensors'));
const headerBytes = Number(weights.readBigUInt64LE(0));
const header = JSON.parse(weights.toString('utf8', 8, 8 + headerBytes)) as Record<
  string,
  { dtype: string; shape: number[]; data_offsets: [number, number] }
>;

const tensors: Tensor[] = [];
/** Rows as PyTorch has them are rows of GGUF; only the order in which dimensions are told differs. */
const take = (name: string, source: string, type: Tensor['type'] = 'F32'): void => {
  const found = header[source];
  if (found?.dtype !== 'F32') throw new Error(`${source} is not there in 32 bits`);
  const [from, to] = found.data_offsets;
  const start = 8 + headerBytes;
  const bytes = Uint8Array.from(weights.subarray(start + from, start + to));
  tensors.push({ name, dimensions: [...found.shape].reverse(), type, values: new Float32Array(bytes.buffer) });
};
const takeBoth = (name: string, source: string, type?: Tensor['type']): void => {
  take(`${name}.weight`, `${source}.weight`, type);
  take(`${name}.bias`, `${source}.bias`);
};

take('token_embd.weight', 'embeddings.word_embeddings.weight', 'F16');
take('position_embd.weight', 'embeddings.position_embeddings.weight');
take('token_types.weight', 'embeddings.token_type_embeddings.weight');
takeBoth('token_embd_norm', 'embeddings.LayerNorm');
for (let layer = 0; layer < config.num_hidden_layers; layer++) {
  const [to, from] = [`blk.${layer}.`, `encoder.layer.${layer}.`];
  takeBoth(`${to}attn_q`, `${from}attention.self.query`, 'F16');
  takeBoth(`${to}attn_k`, `${from}attention.self.key`, 'F16');
  takeBoth(`${to}attn_v`, `${from}attention.self.value`, 'F16');
  takeBoth(`${to}attn_output`, `${from}attention.output.dense`, 'F16');
  takeBoth(`${to}attn_output_norm`, `${from}attention.output.LayerNorm`);
  takeBoth(`${to}ffn_up`, `${from}intermediate.dense`, 'F16');
  takeBoth(`${to}ffn_down`, `${from}output.dense`, 'F16');
  takeBoth(`${to}layer_output_norm`, `${from}output.LayerNorm`);
}

const isMark = (token: string): boolean => /^\[.+\]$/.test(token);
const idOf = (token: string): number => vocabulary.indexOf(token);
const metadata: Metadata[] = [
  ['general.architecture', 'string', 'bert'],
  ['general.name', 'string', 'all-MiniLM-L6-v2'],
  ['general.file_type', 'uint32', 1],
  ['bert.block_count', 'uint32', config.num_hidden_layers],
  ['bert.context_length', 'uint32', config.max_position_embeddings],
  ['bert.embedding_length', 'uint32', config.hidden_size],
  ['bert.feed_forward_length', 'uint32', config.intermediate_size],
  ['bert.attention.head_count', 'uint32', config.num_attention_heads],
  ['bert.attention.layer_norm_epsilon', 'float32', config.layer_norm_eps],
  ['bert.attention.causal', 'bool', false],
  // The mean of all tokens.
  ['bert.pooling_type', 'uint32', 1],
  ['tokenizer.ggml.model', 'string', 'bert'],
  ['tokenizer.ggml.pre', 'string', 'default'],
  // Pieces inside a word lose their `##`, those that begin one get a mark.
  [
    'tokenizer.ggml.tokens',
    'string[]',
    vocabulary.map((token) => (isMark(token) ? token : token.startsWith('##') ? token.slice(2) : `▁${token}`)),
  ],
  ['tokenizer.ggml.token_type', 'int32[]', vocabulary.map((token) => (token === '[UNK]' ? 2 : isMark(token) ? 3 : 1))],
  ['tokenizer.ggml.token_type_count', 'uint32', 2],
  ['tokenizer.ggml.padding_token_id', 'uint32', idOf('[PAD]')],
  ['tokenizer.ggml.unknown_token_id', 'uint32', idOf('[UNK]')],
  ['tokenizer.ggml.bos_token_id', 'uint32', idOf('[CLS]')],
  ['tokenizer.ggml.cls_token_id', 'uint32', idOf('[CLS]')],
  // The misspelling is the format's.
  ['tokenizer.ggml.seperator_token_id', 'uint32', idOf('[SEP]')],
  ['tokenizer.ggml.eos_token_id', 'uint32', idOf('[SEP]')],
  ['tokenizer.ggml.mask_token_id', 'uint32', idOf('[MASK]')],
];
const bytes = writeGguf(metadata, tensors);
writeFileSync(out, bytes);
console.error(`wrote ${out}: ${bytes.length} bytes`);
