import { BYTE_SYMBOLS } from './byte-pair-encoding.ts';
import { type Tensor, writeGguf } from './gguf-writer.ts';
import { createRandom } from './random.ts';

const WIDTH = 64;
const HEAD_WIDTH = 32;
/** Spread of the logits of real models, roughly. */
const LOGIT_DEVIATION = 3;

/**
 * A GGUF file of one narrow layer of random numbers over a vocabulary of any size, at least 300: what is left of the
 * time for a token is what choosing it costs.
 */
export const buildFlatModel = ({ vocabulary, seed }: { vocabulary: number; seed: number }): Buffer => {
  const fillers = Array.from({ length: vocabulary - 257 }, (_, index) => `w${index}`);
  const tokens = [...BYTE_SYMBOLS, ...fillers, '<|end|>'];
  const random = createRandom(seed);
  const tensor = (name: string, dimensions: number[], deviation: number): Tensor => ({
    name,
    dimensions,
    type: 'F16',
    values: random(
      dimensions.reduce((product, dimension) => product * dimension, 1),
      deviation,
    ),
  });
  const ones = (name: string): Tensor => ({
    name,
    dimensions: [WIDTH],
    type: 'F32',
    values: new Float32Array(WIDTH).fill(1),
  });
  return writeGguf(
    [
      ['general.architecture', 'string', 'llama'],
      ['general.name', 'string', 'flat'],
      ['llama.block_count', 'uint32', 1],
      ['llama.context_length', 'uint32', 1024],
      ['llama.embedding_length', 'uint32', WIDTH],
      ['llama.feed_forward_length', 'uint32', WIDTH],
      ['llama.attention.head_count', 'uint32', 2],
      ['llama.attention.head_count_kv', 'uint32', 2],
      ['llama.attention.layer_norm_rms_epsilon', 'float32', 1e-6],
      ['llama.rope.dimension_count', 'uint32', HEAD_WIDTH],
      ['llama.rope.freq_base', 'float32', 10_000],
      ['llama.vocab_size', 'uint32', vocabulary],
      ['tokenizer.ggml.model', 'string', 'gpt2'],
      ['tokenizer.ggml.pre', 'string', 'gpt-2'],
      ['tokenizer.ggml.tokens', 'string[]', tokens],
      ['tokenizer.ggml.token_type', 'int32[]', tokens.map((token) => (token === '<|end|>' ? 3 : 1))],
      ['tokenizer.ggml.merges', 'string[]', ['a b']],
      ['tokenizer.ggml.bos_token_id', 'uint32', vocabulary - 1],
      ['tokenizer.ggml.eos_token_id', 'uint32', vocabulary - 1],
      ['tokenizer.ggml.add_bos_token', 'bool', false],
    ],
    [
      tensor('token_embd.weight', [WIDTH, vocabulary], 1),
      ones('output_norm.weight'),
      tensor('output.weight', [WIDTH, vocabulary], LOGIT_DEVIATION / Math.sqrt(WIDTH)),
      ones('blk.0.attn_norm.weight'),
      ...['q', 'k', 'v', 'output'].map((part) => tensor(`blk.0.attn_${part}.weight`, [WIDTH, WIDTH], 0.1)),
      ones('blk.0.ffn_norm.weight'),
      ...['gate', 'up', 'down'].map((part) => tensor(`blk.0.ffn_${part}.weight`, [WIDTH, WIDTH], 0.1)),
    ],
  );
};
