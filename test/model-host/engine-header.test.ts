import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getLlama, LlamaLogLevel, readGgufFileInfo, type Token } from 'node-llama-cpp';
import { expect, test } from 'vitest';
import { BYTE_SYMBOLS } from '../../scripts/gguf/byte-pair-encoding.ts';
import { buildFlatModel } from '../../scripts/gguf/flat-model.ts';
import { loadEngine } from '../../src/model-host/engine.ts';
import { toTokenBytes } from '../../src/model-host/token-bytes.ts';
import { temporaryFolder } from './support/test-models.ts';

test('a long vocabulary is not read into JavaScript, all else of the header is, and tokens have their bytes', async () => {
  const path = join(temporaryFolder(), 'wide.gguf');
  writeFileSync(path, buildFlatModel({ vocabulary: 6000, seed: 1 }));
  await loadEngine('', 'off');
  const info = await readGgufFileInfo(path);
  const { tokens: lengthOnly, scores: _, token_type: __, merges: ___, ...after } = info.metadata.tokenizer.ggml;
  expect(lengthOnly).toEqual({ length: 6000 });
  const [bos_token_id, eos_token_id] = [5999, 5999];
  expect(after).toEqual({ model: 'gpt2', pre: 'gpt-2', bos_token_id, eos_token_id, add_bos_token: false });
  expect(info.tensorInfo).toHaveLength(Number(info.totalTensorCount));

  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error });
  const model = await llama.loadModel({ modelPath: path });
  // GPT-2's symbol of the byte that most three-byte characters begin with.
  const part = BYTE_SYMBOLS.indexOf('â') as Token;
  expect(model.detokenize([part], true)).toBe('\uFFFD');
  expect(toTokenBytes(model, part)).toEqual([0xe2]);
  await llama.dispose();
});
